"""Who there is and what can be done: roles and permissions, names only. Who may do what stands in `policy`."""

from __future__ import annotations

import re
from enum import StrEnum

from portal.kernel.errors import Invalid, Problem


class Role(StrEnum):
    AGENCY_OWNER = "agency_owner"
    AGENCY_ACCOUNTANT = "agency_accountant"
    FIELD_AGENT = "field_agent"
    BANK_OPERATOR = "bank_operator"  # the maker
    BANK_APPROVER = "bank_approver"  # the checker
    BANK_ADMIN = "bank_admin"
    TERRITORY_MANAGER = "territory_manager"  # proposes who gets which accounts; decides nothing
    FINANCE = "finance"
    AUDITOR = "auditor"
    SYSTEM = "system"  # built in; imports and computes, never submits, approves or pays; never signs in

    @property
    def is_agency(self) -> bool:
        return self in AGENCY_ROLES

    @property
    def audience(self) -> str:
        """Whose pages this role opens on: agency, bank, finance or audit."""
        return AUDIENCES[self]

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


AGENCY_ROLES = frozenset({Role.AGENCY_OWNER, Role.AGENCY_ACCOUNTANT, Role.FIELD_AGENT})
BANK_ROLES = frozenset(
    {Role.BANK_OPERATOR, Role.BANK_APPROVER, Role.BANK_ADMIN, Role.TERRITORY_MANAGER, Role.FINANCE, Role.AUDITOR}
)
AUDIENCES = {
    Role.AGENCY_OWNER: "agency",
    Role.AGENCY_ACCOUNTANT: "agency",
    Role.FIELD_AGENT: "agency",
    Role.BANK_OPERATOR: "bank",
    Role.BANK_APPROVER: "bank",
    Role.BANK_ADMIN: "bank",
    Role.TERRITORY_MANAGER: "bank",
    Role.FINANCE: "finance",
    Role.AUDITOR: "audit",
    Role.SYSTEM: "bank",
}

_SPOKEN = {
    "owner": Role.AGENCY_OWNER,
    "accountant": Role.AGENCY_ACCOUNTANT,
    "agent": Role.FIELD_AGENT,
    "operator": Role.BANK_OPERATOR,
    "maker": Role.BANK_OPERATOR,
    "bank_maker": Role.BANK_OPERATOR,
    "approver": Role.BANK_APPROVER,
    "checker": Role.BANK_APPROVER,
    "bank_checker": Role.BANK_APPROVER,
    "admin": Role.BANK_ADMIN,
    "manager": Role.TERRITORY_MANAGER,
}


def parse_role(text: str) -> Role:
    """The role a person means: its name (spaces, dashes or underscores) or its everyday word (maker, checker, owner …).

    Raises Invalid naming the roles there are. `system` is nobody's to give.
    """
    word = re.sub(r"[\s_-]+", "_", text.strip().lower())
    role = _SPOKEN.get(word) or (Role(word) if word in set(Role) else None)
    if role is None or role is Role.SYSTEM:
        names = ", ".join(each for each in Role if each is not Role.SYSTEM)
        raise Invalid(
            Problem("unknown_role", f"{text!r} is not a role.", f"Use one of: {names}.", column="role", value=text)
        )
    return role


class Permission(StrEnum):
    """`thing:act`. Every view carries exactly one; `own_…` is an agency looking at what is its own."""

    PUBLIC = "public:read"  # sign-in, health, static files: anybody
    SIGNED_IN = "self:use"  # one's own session, password, sign-out: anybody who is signed in

    BANK_HOME_READ = "bank_home:read"
    FINANCE_HOME_READ = "finance_home:read"
    AUDIT_HOME_READ = "audit_home:read"

    AGENCY_READ = "agency:read"
    AGENCY_IMPORT = "agency:import"
    AGENCY_EDIT = "agency:edit"
    AGENCY_MOVE_PROPOSE = "agency_move:propose"  # a change of its status
    AGENCY_MOVE_DECIDE = "agency_move:decide"
    PAPER_READ = "agency_paper:read"  # of agencies and of their agents
    PAPER_PROPOSE = "agency_paper:propose"
    PAPER_DECIDE = "agency_paper:decide"
    INSPECTION_PROPOSE = "inspection:propose"
    INSPECTION_DECIDE = "inspection:decide"
    BANK_DETAIL_READ = "bank_detail:read"  # where an agency is paid
    BANK_DETAIL_CHECK = "bank_detail:check"  # say what the beneficiary's bank answered
    BANK_DETAIL_APPROVE = "bank_detail:approve"
    AGENT_READ = "agent:read"
    AGENT_EDIT = "agent:edit"

    ACCOUNT_READ = "account:read"
    ACCOUNT_IMPORT = "account:import"
    PLACEMENT_READ = "placement:read"
    PLACEMENT_IMPORT = "placement:import"
    ALLOCATION_RECALL = "allocation:recall"
    ALLOCATION_AGENT = "allocation:change_agent"  # another agent of the same agency
    ALLOCATION_REQUEST_READ = "allocation_request:read"
    ALLOCATION_REQUEST_PROPOSE = "allocation_request:propose"  # an extension, a transfer
    ALLOCATION_REQUEST_DECIDE = "allocation_request:decide"
    BORROWER_NOTICE_READ = "borrower_notice:read"
    BORROWER_NOTICE_SEND = "borrower_notice:send"  # to the letter house, and what it answers
    STRATEGY_READ = "strategy:read"
    STRATEGY_PROPOSE = "strategy:propose"
    STRATEGY_DECIDE = "strategy:decide"
    STRATEGY_RUN = "strategy_run:draw"  # draw a draft, hand it in, take it back
    STRATEGY_RUN_DECIDE = "strategy_run:decide"  # the second person: only then anybody gets an account
    STAFF_READ = "staff:read"
    STAFF_EDIT = "staff:edit"

    COLLECTION_READ = "collection:read"
    COLLECTION_UPLOAD = "collection:upload"

    CORRECTION_DECIDE = "correction:decide"
    UPLOAD_READ = "upload:read"
    BOOK_READ = "book:read"
    BOOK_ISSUE = "book:issue"
    CONTACT_READ = "contact:read"
    EVIDENCE_READ = "evidence:read"
    EVIDENCE_REVIEW = "evidence:review"
    EVIDENCE_HOLD = "evidence:hold"  # legal hold: kept beyond its retention
    EVIDENCE_PURGE = "evidence:purge"  # let go of files kept long enough
    FILES_RESEAL = "files:reseal"  # bring kept files under the key of today
    BACKUP_MAKE = "backup:take"
    BACKUP_RESTORE = "backup:restore"

    BANK_STATEMENT_READ = "bank_statement:read"
    BANK_STATEMENT_IMPORT = "bank_statement:import"
    BANK_STATEMENT_ACCEPT = "bank_statement:accept"
    POSTING_READ = "posting:read"
    POSTING_IMPORT = "posting:import"

    RECONCILIATION_READ = "reconciliation:read"
    RECONCILIATION_RUN = "reconciliation:run"
    MATCH_CONFIRM = "match:confirm"
    BREAK_READ = "break:read"
    BREAK_EDIT = "break:edit"
    HAND_ACT_READ = "hand_act:read"
    HAND_ACT_DECIDE = "hand_act:decide"  # the second person's word on a link, a write-off, a return
    SUSPENSE_READ = "suspense:read"
    SUSPENSE_EDIT = "suspense:edit"  # assign, split, return money nobody claims
    PAYER_RULE_READ = "payer_rule:read"
    PAYER_RULE_PROPOSE = "payer_rule:propose"
    PAYER_RULE_DECIDE = "payer_rule:decide"
    LADDER_READ = "ladder:read"
    LADDER_PROPOSE = "ladder:propose"
    LADDER_TRY = "ladder:try"
    LADDER_DECIDE = "ladder:decide"
    BANK_PROFILE_EDIT = "bank_profile:edit"
    DIRECT_READ = "direct:read"
    FILTER_SAVE = "filter:save"  # one's own, on the bank's pages

    RATE_CARD_READ = "rate_card:read"
    RATE_CARD_IMPORT = "rate_card:import"
    RATE_CARD_APPROVE = "rate_card:approve"
    TERMS_ASSIGN = "terms:assign"
    WHAT_IF_READ = "what_if:read"
    WHAT_IF_RUN = "what_if:run"  # try terms on closed months; changes no books

    OUTCOME_READ = "outcome:read"
    OUTCOME_FREEZE = "outcome:freeze"  # read a month's snapshots into a set of outcomes
    EVENT_READ = "event:read"
    EVENT_PROPOSE = "event:propose"  # by hand, from a file, or by looking for them
    EVENT_DECIDE = "event:decide"  # the second person: only then it earns or costs
    ADJUSTMENT_READ = "adjustment:read"
    ADJUSTMENT_PROPOSE = "adjustment:propose"
    ADJUSTMENT_DECIDE = "adjustment:decide"
    MEASURE_READ = "measure:read"
    MEASURE_PROPOSE = "measure:propose"
    MEASURE_DECIDE = "measure:decide"
    SCORE_READ = "score:read"
    SCORE_COMPUTE = "score:compute"
    SCORE_PUBLISH = "score:publish"
    SCHEME_PROPOSE = "score_scheme:propose"
    SCHEME_DECIDE = "score_scheme:decide"
    CONSEQUENCE_DECIDE = "score_consequence:decide"
    SCORE_DISPUTE_DECIDE = "score_dispute:decide"
    REPORT_READ = "report:read"
    REPORT_KEEP = "report:keep"  # keep what a report says, to have it as a file
    REPORT_SCHEDULE = "report:schedule"  # have one made every month, and end that
    AUDIT_PACK = "audit_pack:make"
    OWN_SCORE_READ = "own_score:read"
    OWN_SCORE_DISPUTE = "own_score:dispute"
    COMPLAINT_READ = "complaint:read"
    COMPLAINT_OPEN = "complaint:open"  # write one down, attach it, tell the agency, say what was found
    COMPLAINT_DECIDE = "complaint:decide"  # the second person's word on what was found
    COMPLAINT_CLOSE = "complaint:close"
    VISIT_AUDIT_READ = "visit_audit:read"
    VISIT_AUDIT_DRAW = "visit_audit:draw"
    VISIT_AUDIT_RECORD = "visit_audit:record"  # what the borrower said when called back
    FRAUD_READ = "fraud:read"
    FRAUD_OPEN = "fraud:open"  # write one down, send the notice, say what was found, enter the report
    FRAUD_DECIDE = "fraud:decide"
    FLAG_READ = "conduct_flag:read"
    FLAG_FIND = "conduct_flag:find"  # let the rules look now; nothing follows by itself
    FLAG_EDIT = "conduct_flag:edit"  # take one up, explain it, make it a case
    COMPROMISE_READ = "compromise:read"
    COMPROMISE_PROPOSE = "compromise:propose"
    COMPROMISE_DECIDE = "compromise:decide"
    LEGAL_READ = "legal:read"
    LEGAL_EDIT = "legal:edit"  # open a case, enter facts, ask for papers, take its steps
    LEGAL_DECIDE = "legal:decide"  # the second person's word that a case was filed
    LETTER_READ = "letter:read"
    LETTER_MAKE = "letter:make"
    LETTER_DISPATCH = "letter:dispatch"  # say how a letter went out and what became of it
    LETTER_TEMPLATE_PROPOSE = "letter_template:propose"
    LETTER_TEMPLATE_DECIDE = "letter_template:decide"
    CAMPAIGN_READ = "campaign:read"
    CAMPAIGN_PROPOSE = "campaign:propose"
    CAMPAIGN_DECIDE = "campaign:decide"
    CAMPAIGN_RUN = "campaign:run"  # start an approved one, say what it cost, close it
    NOTE_READ = "note:read"
    NOTE_WRITE = "note:write"  # on an account; never changed afterwards
    PLAN_READ = "plan:read"  # repayment plans
    PLAN_PROPOSE = "plan:propose"
    PLAN_DECIDE = "plan:decide"
    REFERRAL_READ = "referral:read"
    REFERRAL_PROPOSE = "referral:propose"
    REFERRAL_DECIDE = "referral:decide"
    ACCRUAL_READ = "accrual:read"
    ACCRUAL_RUN = "accrual:run"

    SETTLEMENT_READ = "settlement:read"
    SETTLEMENT_DRAFT = "settlement:draft"
    SETTLEMENT_SUBMIT = "settlement:submit"
    SETTLEMENT_APPROVE = "settlement:approve"  # and send back: the checker's word

    SETTLEMENT_RECALL = "settlement:recall"  # take an approval back before anything is paid
    SETTLEMENT_REPOINT = "settlement:repoint"  # ask that it be paid to the agency's new bank details
    REPOINTING_DECIDE = "repointing:decide"
    LIMIT_READ = "limit:read"  # who may approve up to what, and who stands in for whom
    LIMIT_PROPOSE = "limit:propose"
    LIMIT_DECIDE = "limit:decide"
    DISPUTE_READ = "dispute:read"
    DISPUTE_ANSWER = "dispute:answer"  # write to it, and propose a decision
    DISPUTE_DECIDE = "dispute:decide"
    INVOICE_READ = "invoice:read"
    INVOICE_PROPOSE = "invoice:propose"  # the lender's own, for an agency that is not registered
    INVOICE_DECIDE = "invoice:decide"
    TAX_READ = "tax:read"  # registers, certificates, the clock of small firms
    TAX_DEPOSIT_PROPOSE = "tax_deposit:propose"  # tax withheld that was paid to the government
    TAX_DEPOSIT_DECIDE = "tax_deposit:decide"
    TAX_CERTIFICATE_PROPOSE = "tax_certificate:propose"
    TAX_CERTIFICATE_DECIDE = "tax_certificate:decide"
    SIGNING_KEY_EDIT = "signing_key:edit"  # make a new key; the old one goes on verifying

    BATCH_READ = "batch:read"
    BATCH_MAKE = "batch:make"
    BATCH_APPROVE = "batch:approve"
    BATCH_SEND = "batch:send"
    BATCH_CONFIRM = "batch:confirm"

    PAYOUT_SYNC = "payout:sync"  # ask a provider, or say what a look-up found
    PAYOUT_FINDING_DECIDE = "payout_finding:decide"  # agree to what another person found out
    PAYOUT_PROFILE_READ = "payout_profile:read"
    PAYOUT_PROFILE_PROPOSE = "payout_profile:propose"
    PAYOUT_PROFILE_DECIDE = "payout_profile:decide"
    CONNECTED_READ = "connected:read"
    CONNECTED_EDIT = "connected:edit"  # onboard an agency at a provider
    PAYING_STOP = "paying:stop"
    PAYING_LIFT = "paying:lift"

    LEDGER_READ = "ledger:read"
    AUDIT_READ = "audit:read"
    VERIFY_RUN = "verify:run"
    TRACE_READ = "trace:read"
    SEARCH_READ = "search:read"

    USER_READ = "user:read"
    USER_EDIT = "user:edit"
    PERSON_READ = "person:read"  # which accounts are one human being's
    PERSON_PROPOSE = "person:propose"
    PERSON_DECIDE = "person:decide"
    SESSION_READ = "session:read"
    SESSION_END = "session:end"
    SETTING_READ = "setting:read"
    SETTING_EDIT = "setting:edit"
    JOB_READ = "job:read"
    COMPONENTS_READ = "components:read"  # the page of components; registered in development only

    OWN_HOME_READ = "own_home:read"
    OWN_ACCOUNT_READ = "own_account:read"
    OWN_ALLOCATION_ASK = "own_allocation:ask"  # to give an account back, or to keep it longer
    OWN_COLLECTION_READ = "own_collection:read"
    OWN_COLLECTION_UPLOAD = "own_collection:upload"
    OWN_COLLECTION_ADD = "own_collection:add"  # one receipt, from a page or a phone
    OWN_DEPOSIT_ADD = "own_deposit:add"
    OWN_CONTACT_READ = "own_contact:read"
    OWN_CONTACT_ADD = "own_contact:add"  # a visit or call, and what was promised
    OWN_EVIDENCE_READ = "own_evidence:read"
    OWN_EVIDENCE_ADD = "own_evidence:add"
    OWN_FIELD_USE = "own_field:use"  # the phone's day list and what it sends
    OWN_BOOK_READ = "own_book:read"
    OWN_BOOK_HAND = "own_book:hand"  # give numbers to an agent, take them back
    OWN_BOOK_EDIT = "own_book:edit"  # say that a number is void or lost
    OWN_BOOK_CONFIRM = "own_book:confirm"  # the second person
    OWN_BREAK_READ = "own_break:read"
    OWN_DIRECT_READ = "own_direct:read"
    OWN_COMMISSION_READ = "own_commission:read"
    OWN_EVENT_READ = "own_event:read"
    OWN_EVENT_CLAIM = "own_event:claim"  # say that something happened that the terms pay for; take it back
    OWN_LEGAL_TASK_READ = "own_legal_task:read"
    OWN_LEGAL_TASK_HAND = "own_legal_task:hand"  # hand in a paper the bank asks for
    OWN_NOTE_WRITE = "own_note:write"
    OWN_CASEWORK_READ = "own_casework:read"  # settlements, plans and referrals it asked for
    OWN_CASEWORK_PROPOSE = "own_casework:propose"
    OWN_STATEMENT_READ = "own_statement:read"
    OWN_STATEMENT_ANSWER = "own_statement:answer"  # accept it, or dispute a line
    OWN_COMPLAINT_READ = "own_complaint:read"
    OWN_NOTICE_READ = "own_notice:read"
    OWN_NOTICE_ANSWER = "own_notice:answer"
    OWN_COMPLAINT_ANSWER = "own_complaint:answer"
    OWN_DISPUTE_READ = "own_dispute:read"
    OWN_DISPUTE_WRITE = "own_dispute:write"
    OWN_INVOICE_ADD = "own_invoice:add"
    OWN_PAYOUT_READ = "own_payout:read"
    OWN_TRACE_READ = "own_trace:read"
    OWN_RATE_CARD_READ = "own_rate_card:read"
    OWN_TEAM_READ = "own_team:read"
    OWN_COMPANY_READ = "own_company:read"
    OWN_PAPER_READ = "own_paper:read"
    OWN_PAPER_HAND = "own_paper:hand"  # hand in a new version, answer a finding; the bank decides
    OWN_BANK_DETAIL_PROPOSE = "own_bank_detail:propose"
    OWN_SEARCH_READ = "own_search:read"

    @property
    def reads_only(self) -> bool:
        return self.value.endswith(":read")
