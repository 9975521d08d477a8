"""Who may do what: one table of sentences. A predicate is pure: it sees the asker and the attributes of the object."""

from __future__ import annotations

from collections.abc import Callable

from portal.access.identity import Identity
from portal.access.permissions import BANK_ROLES, Permission, Role

Predicate = Callable[[Identity, object], bool]
_about_object: set[Predicate] = set()


def about_object(predicate: Predicate) -> Predicate:
    """A sentence about the thing itself: asked once the thing is loaded."""
    _about_object.add(predicate)
    return predicate


# --- about the asker


def is_anybody(who: Identity, obj: object) -> bool:
    return True


def is_agency_person(who: Identity, obj: object) -> bool:
    return who.role.is_agency and who.agency_id is not None


def is_agency_office(who: Identity, obj: object) -> bool:
    return who.role in {Role.AGENCY_OWNER, Role.AGENCY_ACCOUNTANT} and who.agency_id is not None


def is_agency_owner(who: Identity, obj: object) -> bool:
    return who.role is Role.AGENCY_OWNER and who.agency_id is not None


def is_bank_person(who: Identity, obj: object) -> bool:
    return who.role in BANK_ROLES or who.role is Role.SYSTEM


def is_bank_reader(who: Identity, obj: object) -> bool:
    return is_bank_person(who, obj) and who.role is not Role.TERRITORY_MANAGER


def is_portfolio_reader(who: Identity, obj: object) -> bool:
    """Accounts, who holds them and how well they do: a territory manager reads these, and no money owed to anybody."""
    return is_bank_person(who, obj)


def is_placer(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_OPERATOR, Role.TERRITORY_MANAGER}


def is_maker(who: Identity, obj: object) -> bool:
    return who.role is Role.BANK_OPERATOR


def is_maker_or_machine(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_OPERATOR, Role.SYSTEM}


def is_checker(who: Identity, obj: object) -> bool:
    return who.role is Role.BANK_APPROVER


def is_maker_or_checker(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_OPERATOR, Role.BANK_APPROVER}


def is_admin_or_checker(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_ADMIN, Role.BANK_APPROVER}


def is_finance(who: Identity, obj: object) -> bool:
    return who.role is Role.FINANCE


def is_finance_or_maker(who: Identity, obj: object) -> bool:
    return who.role in {Role.FINANCE, Role.BANK_OPERATOR}


def is_finance_or_machine(who: Identity, obj: object) -> bool:
    return who.role in {Role.FINANCE, Role.SYSTEM}


def is_finance_or_auditor(who: Identity, obj: object) -> bool:
    return who.role in {Role.FINANCE, Role.AUDITOR}


def is_finance_or_checker(who: Identity, obj: object) -> bool:
    return who.role in {Role.FINANCE, Role.BANK_APPROVER}


def is_auditor(who: Identity, obj: object) -> bool:
    return who.role is Role.AUDITOR


def is_admin(who: Identity, obj: object) -> bool:
    return who.role is Role.BANK_ADMIN


def is_admin_or_auditor(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_ADMIN, Role.AUDITOR}


def is_pack_maker(who: Identity, obj: object) -> bool:
    return who.role in {Role.AUDITOR, Role.FINANCE, Role.BANK_ADMIN}


def is_admin_or_maker(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_ADMIN, Role.BANK_OPERATOR}


def is_admin_maker_or_checker(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_ADMIN, Role.BANK_OPERATOR, Role.BANK_APPROVER}


def is_admin_maker_or_machine(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_ADMIN, Role.BANK_OPERATOR, Role.SYSTEM}


def is_admin_or_machine(who: Identity, obj: object) -> bool:
    return who.role in {Role.BANK_ADMIN, Role.SYSTEM}


def is_audit_log_reader(who: Identity, obj: object) -> bool:
    return who.role in {Role.AUDITOR, Role.BANK_ADMIN, Role.FINANCE, Role.SYSTEM}


# --- about the object

MAKER_FIELDS = ("submitted_by", "imported_by", "made_by", "proposed_by", "stopped_by")


@about_object
def is_not_the_maker(who: Identity, obj: object) -> bool:
    makers = {getattr(obj, field, None) for field in MAKER_FIELDS}
    return who.user_id not in makers and who.email not in makers


P = Permission
POLICY: dict[Permission, list[Predicate]] = {
    P.PUBLIC: [is_anybody],
    P.SIGNED_IN: [is_anybody],
    P.BANK_HOME_READ: [is_bank_reader],
    P.FINANCE_HOME_READ: [is_finance_or_auditor],
    P.AUDIT_HOME_READ: [is_auditor],
    P.AGENCY_READ: [is_portfolio_reader],
    P.AGENCY_IMPORT: [is_admin_maker_or_machine],
    P.AGENCY_EDIT: [is_admin_maker_or_machine],
    P.AGENCY_MOVE_PROPOSE: [is_admin_or_maker],
    P.AGENCY_MOVE_DECIDE: [is_checker, is_not_the_maker],
    P.PAPER_READ: [is_bank_reader],
    P.PAPER_PROPOSE: [is_admin_or_maker],
    P.PAPER_DECIDE: [is_checker, is_not_the_maker],
    P.INSPECTION_PROPOSE: [is_admin_or_maker],
    P.INSPECTION_DECIDE: [is_checker, is_not_the_maker],
    P.BANK_DETAIL_READ: [is_bank_reader],
    P.BANK_DETAIL_CHECK: [is_maker_or_checker],
    P.BANK_DETAIL_APPROVE: [is_checker, is_not_the_maker],
    P.AGENT_READ: [is_portfolio_reader],
    P.AGENT_EDIT: [is_admin_maker_or_machine],
    P.ACCOUNT_READ: [is_portfolio_reader],
    P.ACCOUNT_IMPORT: [is_maker_or_machine],
    P.PLACEMENT_READ: [is_portfolio_reader],
    P.PLACEMENT_IMPORT: [is_maker_or_machine],
    P.ALLOCATION_RECALL: [is_placer],
    P.ALLOCATION_AGENT: [is_placer],
    P.ALLOCATION_REQUEST_READ: [is_portfolio_reader],
    P.ALLOCATION_REQUEST_PROPOSE: [is_placer],
    P.ALLOCATION_REQUEST_DECIDE: [is_checker, is_not_the_maker],
    P.BORROWER_NOTICE_READ: [is_portfolio_reader],
    P.BORROWER_NOTICE_SEND: [is_maker_or_machine],
    P.STRATEGY_READ: [is_portfolio_reader],
    P.STRATEGY_PROPOSE: [is_placer],
    P.STRATEGY_DECIDE: [is_checker, is_not_the_maker],
    P.STRATEGY_RUN: [is_placer],
    P.STRATEGY_RUN_DECIDE: [is_checker, is_not_the_maker],
    P.STAFF_READ: [is_portfolio_reader],
    P.STAFF_EDIT: [is_placer],
    P.COLLECTION_READ: [is_portfolio_reader],
    P.COLLECTION_UPLOAD: [is_maker_or_machine],
    P.CORRECTION_DECIDE: [is_maker, is_not_the_maker],
    P.UPLOAD_READ: [is_bank_reader],
    P.BOOK_READ: [is_bank_reader],
    P.BOOK_ISSUE: [is_maker],
    P.CONTACT_READ: [is_portfolio_reader],
    P.EVIDENCE_READ: [is_portfolio_reader],
    P.EVIDENCE_REVIEW: [is_maker_or_checker],
    P.EVIDENCE_HOLD: [is_admin_or_checker],
    P.EVIDENCE_PURGE: [is_admin_or_machine],
    P.FILES_RESEAL: [is_admin_or_machine],
    P.BACKUP_MAKE: [is_admin_or_machine],
    P.BACKUP_RESTORE: [is_admin_or_machine],
    P.BANK_STATEMENT_READ: [is_bank_reader],
    P.BANK_STATEMENT_IMPORT: [is_maker_or_machine],
    P.BANK_STATEMENT_ACCEPT: [is_checker, is_not_the_maker],
    P.POSTING_READ: [is_bank_reader],
    P.POSTING_IMPORT: [is_maker_or_machine],
    P.RECONCILIATION_READ: [is_bank_reader],
    P.RECONCILIATION_RUN: [is_maker_or_machine],
    P.MATCH_CONFIRM: [is_maker],
    P.BREAK_READ: [is_bank_reader],
    P.BREAK_EDIT: [is_maker],
    P.HAND_ACT_READ: [is_bank_reader],
    P.HAND_ACT_DECIDE: [is_checker, is_not_the_maker],
    P.SUSPENSE_READ: [is_bank_reader],
    P.SUSPENSE_EDIT: [is_maker],
    P.PAYER_RULE_READ: [is_bank_reader],
    P.PAYER_RULE_PROPOSE: [is_maker],
    P.PAYER_RULE_DECIDE: [is_checker, is_not_the_maker],
    P.LADDER_READ: [is_bank_reader],
    P.LADDER_PROPOSE: [is_admin_or_maker],
    P.LADDER_TRY: [is_admin_maker_or_checker],
    P.LADDER_DECIDE: [is_checker, is_not_the_maker],
    P.BANK_PROFILE_EDIT: [is_admin_or_maker],
    P.DIRECT_READ: [is_bank_reader],
    P.FILTER_SAVE: [is_maker_or_checker],
    P.RATE_CARD_READ: [is_bank_reader],
    P.RATE_CARD_IMPORT: [is_maker_or_machine],
    P.RATE_CARD_APPROVE: [is_checker, is_not_the_maker],
    P.TERMS_ASSIGN: [is_maker_or_machine],
    P.WHAT_IF_READ: [is_bank_reader],
    P.WHAT_IF_RUN: [is_maker_or_checker],
    P.OUTCOME_READ: [is_portfolio_reader],
    P.OUTCOME_FREEZE: [is_maker_or_machine],
    P.EVENT_READ: [is_bank_reader],
    P.EVENT_PROPOSE: [is_maker_or_machine],
    P.EVENT_DECIDE: [is_checker, is_not_the_maker],
    P.ADJUSTMENT_READ: [is_bank_reader],
    P.ADJUSTMENT_PROPOSE: [is_maker],
    P.ADJUSTMENT_DECIDE: [is_checker, is_not_the_maker],
    P.MEASURE_READ: [is_portfolio_reader],
    P.MEASURE_PROPOSE: [is_maker],
    P.MEASURE_DECIDE: [is_checker, is_not_the_maker],
    P.SCORE_READ: [is_portfolio_reader],
    P.SCORE_COMPUTE: [is_maker_or_machine],
    P.SCORE_PUBLISH: [is_checker, is_not_the_maker],
    P.SCHEME_PROPOSE: [is_admin_or_maker],
    P.SCHEME_DECIDE: [is_checker, is_not_the_maker],
    P.CONSEQUENCE_DECIDE: [is_checker, is_not_the_maker],
    P.SCORE_DISPUTE_DECIDE: [is_checker, is_not_the_maker],
    P.REPORT_READ: [is_bank_reader],
    P.REPORT_KEEP: [is_bank_reader],
    P.REPORT_SCHEDULE: [is_admin_or_checker],
    P.AUDIT_PACK: [is_pack_maker],
    P.OWN_SCORE_READ: [is_agency_office],
    P.OWN_SCORE_DISPUTE: [is_agency_owner],
    P.COMPLAINT_READ: [is_bank_reader],
    P.COMPLAINT_OPEN: [is_maker_or_checker],
    P.COMPLAINT_DECIDE: [is_checker, is_not_the_maker],
    P.COMPLAINT_CLOSE: [is_maker_or_checker],
    P.VISIT_AUDIT_READ: [is_bank_reader],
    P.VISIT_AUDIT_DRAW: [is_maker_or_checker],
    P.VISIT_AUDIT_RECORD: [is_maker_or_checker],
    P.FRAUD_READ: [is_bank_reader],
    P.FRAUD_OPEN: [is_maker_or_checker],
    P.FRAUD_DECIDE: [is_checker, is_not_the_maker],
    P.FLAG_READ: [is_bank_reader],
    P.FLAG_FIND: [is_maker_or_machine],
    P.FLAG_EDIT: [is_maker_or_checker],
    P.COMPROMISE_READ: [is_bank_reader],
    P.COMPROMISE_PROPOSE: [is_maker],
    P.COMPROMISE_DECIDE: [is_checker, is_not_the_maker],
    P.LEGAL_READ: [is_bank_reader],
    P.LEGAL_EDIT: [is_maker],
    P.LEGAL_DECIDE: [is_checker, is_not_the_maker],
    P.LETTER_READ: [is_bank_reader],
    P.LETTER_MAKE: [is_maker],
    P.LETTER_DISPATCH: [is_maker],
    P.LETTER_TEMPLATE_PROPOSE: [is_admin_or_maker],
    P.LETTER_TEMPLATE_DECIDE: [is_checker, is_not_the_maker],
    P.CAMPAIGN_READ: [is_bank_reader],
    P.CAMPAIGN_PROPOSE: [is_maker],
    P.CAMPAIGN_DECIDE: [is_checker, is_not_the_maker],
    P.CAMPAIGN_RUN: [is_maker],
    P.NOTE_READ: [is_bank_reader],
    P.NOTE_WRITE: [is_admin_maker_or_checker],
    P.PLAN_READ: [is_bank_reader],
    P.PLAN_PROPOSE: [is_maker],
    P.PLAN_DECIDE: [is_maker_or_checker, is_not_the_maker],
    P.REFERRAL_READ: [is_bank_reader],
    P.REFERRAL_PROPOSE: [is_maker],
    P.REFERRAL_DECIDE: [is_maker_or_checker, is_not_the_maker],
    P.ACCRUAL_READ: [is_bank_reader],
    P.ACCRUAL_RUN: [is_maker_or_machine],
    P.SETTLEMENT_READ: [is_bank_reader],
    P.SETTLEMENT_DRAFT: [is_maker_or_machine],
    P.SETTLEMENT_SUBMIT: [is_maker],
    P.SETTLEMENT_APPROVE: [is_checker, is_not_the_maker],
    P.SETTLEMENT_RECALL: [is_checker],
    P.SETTLEMENT_REPOINT: [is_finance_or_maker],
    P.REPOINTING_DECIDE: [is_checker, is_not_the_maker],
    P.LIMIT_READ: [is_bank_reader],
    P.LIMIT_PROPOSE: [is_admin],
    P.LIMIT_DECIDE: [is_admin_or_checker, is_not_the_maker],
    P.DISPUTE_READ: [is_bank_reader],
    P.DISPUTE_ANSWER: [is_finance_or_maker],
    P.DISPUTE_DECIDE: [is_finance_or_checker, is_not_the_maker],
    P.INVOICE_READ: [is_bank_reader],
    P.INVOICE_PROPOSE: [is_finance_or_maker],
    P.INVOICE_DECIDE: [is_finance_or_checker, is_not_the_maker],
    P.TAX_READ: [is_bank_reader],
    P.TAX_DEPOSIT_PROPOSE: [is_finance_or_maker],
    P.TAX_DEPOSIT_DECIDE: [is_finance_or_checker, is_not_the_maker],
    P.TAX_CERTIFICATE_PROPOSE: [is_finance_or_maker],
    P.TAX_CERTIFICATE_DECIDE: [is_finance_or_checker, is_not_the_maker],
    P.SIGNING_KEY_EDIT: [is_admin_or_machine],
    P.BATCH_READ: [is_bank_reader],
    P.BATCH_MAKE: [is_finance_or_maker],
    P.BATCH_APPROVE: [is_finance_or_checker, is_not_the_maker],
    P.BATCH_SEND: [is_finance_or_machine],
    P.BATCH_CONFIRM: [is_finance_or_machine],
    P.PAYOUT_SYNC: [is_finance_or_machine],
    P.PAYOUT_FINDING_DECIDE: [is_finance_or_checker, is_not_the_maker],
    P.PAYOUT_PROFILE_READ: [is_bank_reader],
    P.PAYOUT_PROFILE_PROPOSE: [is_finance_or_maker],
    P.PAYOUT_PROFILE_DECIDE: [is_finance_or_checker, is_not_the_maker],
    P.CONNECTED_READ: [is_bank_reader],
    P.CONNECTED_EDIT: [is_finance_or_maker],
    P.PAYING_STOP: [is_finance_or_checker],
    P.PAYING_LIFT: [is_finance_or_checker, is_not_the_maker],
    P.LEDGER_READ: [is_bank_reader],
    P.AUDIT_READ: [is_audit_log_reader],
    P.VERIFY_RUN: [is_audit_log_reader],
    P.TRACE_READ: [is_bank_reader],
    P.SEARCH_READ: [is_bank_reader],
    P.USER_READ: [is_admin_or_auditor],
    P.PERSON_READ: [is_bank_reader],
    P.PERSON_PROPOSE: [is_admin],
    P.PERSON_DECIDE: [is_admin_or_checker, is_not_the_maker],
    P.USER_EDIT: [is_admin_or_machine],
    P.SESSION_READ: [is_admin_or_auditor],
    P.SESSION_END: [is_admin],
    P.SETTING_READ: [is_bank_reader],
    P.SETTING_EDIT: [is_admin_or_machine],
    P.JOB_READ: [is_portfolio_reader],
    P.COMPONENTS_READ: [is_anybody],
    P.OWN_HOME_READ: [is_agency_person],
    P.OWN_ACCOUNT_READ: [is_agency_person],
    P.OWN_ALLOCATION_ASK: [is_agency_office],
    P.OWN_COLLECTION_READ: [is_agency_person],
    P.OWN_COLLECTION_UPLOAD: [is_agency_office],
    P.OWN_COLLECTION_ADD: [is_agency_person],
    P.OWN_DEPOSIT_ADD: [is_agency_person],
    P.OWN_CONTACT_READ: [is_agency_person],
    P.OWN_CONTACT_ADD: [is_agency_person],
    P.OWN_EVIDENCE_READ: [is_agency_person],
    P.OWN_EVIDENCE_ADD: [is_agency_person],
    P.OWN_FIELD_USE: [is_agency_person],
    P.OWN_BOOK_READ: [is_agency_person],
    P.OWN_BOOK_HAND: [is_agency_office],
    P.OWN_BOOK_EDIT: [is_agency_person],
    P.OWN_BOOK_CONFIRM: [is_agency_office, is_not_the_maker],
    P.OWN_BREAK_READ: [is_agency_person],
    P.OWN_DIRECT_READ: [is_agency_person],
    P.OWN_COMMISSION_READ: [is_agency_office],
    P.OWN_EVENT_READ: [is_agency_office],
    P.OWN_EVENT_CLAIM: [is_agency_office],
    P.OWN_LEGAL_TASK_READ: [is_agency_office],
    P.OWN_LEGAL_TASK_HAND: [is_agency_office],
    P.OWN_NOTE_WRITE: [is_agency_person],
    P.OWN_CASEWORK_READ: [is_agency_office],
    P.OWN_CASEWORK_PROPOSE: [is_agency_office],
    P.OWN_STATEMENT_READ: [is_agency_office],
    P.OWN_STATEMENT_ANSWER: [is_agency_office],
    P.OWN_COMPLAINT_READ: [is_agency_office],
    P.OWN_NOTICE_READ: [is_agency_owner],
    P.OWN_NOTICE_ANSWER: [is_agency_owner],
    P.OWN_COMPLAINT_ANSWER: [is_agency_office],
    P.OWN_DISPUTE_READ: [is_agency_office],
    P.OWN_DISPUTE_WRITE: [is_agency_office],
    P.OWN_INVOICE_ADD: [is_agency_office],
    P.OWN_PAYOUT_READ: [is_agency_office],
    P.OWN_TRACE_READ: [is_agency_office],
    P.OWN_RATE_CARD_READ: [is_agency_office],
    P.OWN_TEAM_READ: [is_agency_office],
    P.OWN_COMPANY_READ: [is_agency_office],
    P.OWN_PAPER_READ: [is_agency_office],
    P.OWN_PAPER_HAND: [is_agency_owner],
    P.OWN_BANK_DETAIL_PROPOSE: [is_agency_owner],
    P.OWN_SEARCH_READ: [is_agency_person],
}


def allows(who: Identity, needed: Permission, obj: object | None = None) -> str | None:
    """None when the asker may, else the name of the sentence that says no.

    Without an object only the sentences about the asker are asked.
    """
    for predicate in POLICY[needed]:
        if obj is None and predicate in _about_object:
            continue
        if not predicate(who, obj):
            return predicate.__name__
    return None


def may(who: Identity | None, needed: Permission, obj: object | None = None) -> bool:
    """For menus and buttons: would the guard let this person through?"""
    if who is None:
        return needed is Permission.PUBLIC
    return not is_of_another_agency(who, obj) and allows(who, needed, obj) is None


def is_about_object(needed: Permission) -> bool:
    return any(predicate in _about_object for predicate in POLICY[needed])


def is_of_another_agency(who: Identity, obj: object | None) -> bool:
    """An agency person before a thing that carries another agency's id: as good as missing."""
    owner = getattr(obj, "agency_id", None)
    return who.role.is_agency and owner is not None and owner != who.agency_id
