"""Texts to begin with. Each is proposed only: counsel checks it, and a person approves it before a letter"
" is made from it. Pure."""

from __future__ import annotations

TO_BE_CHECKED = "Starting text, to be checked by counsel before anybody approves it."
KINDS = {
    "demand_notice": "Demand notice",
    "s138_notice": "Notice of a returned cheque or mandate",
    "sarfaesi_notice": "Notice under SARFAESI s.13(2)",
    "lok_adalat_invitation": "Invitation to the Lok Adalat",
    "ots_closing": "Closing letter of a compromise",
    "agency_authorisation": "Authorisation of an agency",
    "campaign_offer": "Offer of a campaign",
}
CLOSE_EN = "\n\nFor {lender_name}\n\nAuthorised signatory"
CLOSE_HI = "\n\n{lender_name} की ओर से\n\nअधिकृत हस्ताक्षरकर्ता"

# (kind, language, subject, body)
TEXTS: list[tuple[str, str, str, str]] = [
    (
        "demand_notice",
        "en",
        "Demand for payment: loan account {loan_account_no}",
        "Dear {borrower_name},\n\nOn your loan account {loan_account_no} ({product}) {overdue} was overdue"
        " on {balance_on}; {total_due}"
        " is owed in all.\n\nPlease pay the overdue sum within {days_to_pay} days of receiving this notice."
        " If it is not paid by then, the"
        " bank may take the steps the loan agreement and the law provide, at your cost.\n\nIf you cannot"
        " pay, or believe this is wrong,"
        " please write to us or visit your branch." + CLOSE_EN,
    ),
    (
        "demand_notice",
        "hi",
        "भुगतान की माँग: ऋण खाता {loan_account_no}",
        "प्रिय {borrower_name},\n\nआपके ऋण खाते {loan_account_no} ({product}) में {balance_on} को {overdue}"
        " की राशि बकाया थी; कुल देय राशि"
        " {total_due} है।\n\nकृपया यह सूचना मिलने के {days_to_pay} दिनों के भीतर बकाया राशि का भुगतान करें।"
        " ऐसा न होने पर बैंक ऋण अनुबंध और"
        " कानून के अनुसार कार्रवाई कर सकता है।\n\nयदि आप भुगतान करने में असमर्थ हैं या इसे गलत मानते हैं,"
        " तो कृपया हमें लिखें या अपनी शाखा में आएँ।" + CLOSE_HI,
    ),
    (
        "s138_notice",
        "en",
        "Notice under section 138: loan account {loan_account_no}",
        "Dear {borrower_name},\n\nYour cheque or mandate of {instrument_on} for {instrument_sum}, given in"
        " payment of loan account"
        " {loan_account_no}, was returned unpaid; the bank's memo was received on {memo_on}.\n\nYou are"
        " called upon to pay"
        " {instrument_sum} within {days_to_pay} days of receiving this notice, failing which a complaint"
        " may be made under section 138 of"
        " the Negotiable Instruments Act 1881, or section 25 of the Payment and Settlement Systems Act"
        " 2007.\n\nReference: {case_ref}." + CLOSE_EN,
    ),
    (
        "s138_notice",
        "hi",
        "धारा 138 के अंतर्गत सूचना: ऋण खाता {loan_account_no}",
        "प्रिय {borrower_name},\n\nऋण खाता {loan_account_no} के भुगतान में दिया गया आपका {instrument_on} का"
        " {instrument_sum} का चेक या मैंडेट"
        " बिना भुगतान लौट आया; बैंक का मेमो {memo_on} को मिला।\n\nआपसे अनुरोध है कि यह सूचना मिलने के"
        " {days_to_pay} दिनों के भीतर {instrument_sum} का"
        " भुगतान करें, अन्यथा परक्राम्य लिखत अधिनियम 1881 की धारा 138 या भुगतान और निपटान प्रणाली अधिनियम"
        " 2007 की धारा 25 के अंतर्गत शिकायत की जा"
        " सकती है।\n\nसंदर्भ: {case_ref}।" + CLOSE_HI,
    ),
    (
        "sarfaesi_notice",
        "en",
        "Notice under section 13(2) of the SARFAESI Act: loan account {loan_account_no}",
        "Dear {borrower_name},\n\nLoan account {loan_account_no}, secured on {security_on}, is a"
        " non-performing asset. On {balance_on}"
        " {total_due} was owed.\n\nUnder section 13(2) of the Securitisation and Reconstruction of"
        " Financial Assets and Enforcement of"
        " Security Interest Act 2002 you are called upon to pay the whole of it within {days_to_pay} days"
        " of this notice. If it is not paid"
        " the bank may take the measures of section 13(4).\n\nUnder section 13(13) you may not transfer the"
        " security without the bank's"
        " written consent. You may object; the bank answers within fifteen days.\n\nReference: {case_ref}." + CLOSE_EN,
    ),
    (
        "sarfaesi_notice",
        "hi",
        "सरफेसी अधिनियम की धारा 13(2) के अंतर्गत सूचना: ऋण खाता {loan_account_no}",
        "प्रिय {borrower_name},\n\n{security_on} को प्रतिभूत ऋण खाता {loan_account_no} अनर्जक आस्ति है।"
        " {balance_on} को {total_due} देय था।\n\n"
        "सरफेसी अधिनियम 2002 की धारा 13(2) के अंतर्गत आपसे इस सूचना के {days_to_pay} दिनों के भीतर पूरी"
        " राशि का भुगतान करने की माँग की जाती है। भुगतान न होने"
        " पर बैंक धारा 13(4) के उपाय कर सकता है।\n\nधारा 13(13) के अनुसार बैंक की लिखित सहमति के बिना"
        " प्रतिभूति का अंतरण न करें। आप आपत्ति कर सकते हैं;"
        " बैंक पंद्रह दिनों में उत्तर देगा।\n\nसंदर्भ: {case_ref}।" + CLOSE_HI,
    ),
    (
        "lok_adalat_invitation",
        "en",
        "Invitation to the Lok Adalat on {sitting_on}",
        "Dear {borrower_name},\n\nYour loan account {loan_account_no}, on which {total_due} was owed on"
        " {balance_on}, is to be placed before"
        " the Lok Adalat on {sitting_on}.\n\nYou are invited to come, alone or with an adviser. There is no"
        " court fee, and nothing is decided"
        " without your consent; what both sides agree on becomes an award, which is final.\n\nReference:"
        " {case_ref}." + CLOSE_EN,
    ),
    (
        "lok_adalat_invitation",
        "hi",
        "{sitting_on} की लोक अदालत का निमंत्रण",
        "प्रिय {borrower_name},\n\nआपका ऋण खाता {loan_account_no}, जिस पर {balance_on} को {total_due} देय"
        " था, {sitting_on} की लोक अदालत में रखा"
        " जाएगा।\n\nआप स्वयं या सलाहकार के साथ आ सकते हैं। कोई न्यायालय शुल्क नहीं है, और आपकी सहमति के"
        " बिना कुछ तय नहीं होता; जिस पर दोनों पक्ष"
        " सहमत हों वह अंतिम पंचाट बनता है।\n\nसंदर्भ: {case_ref}।" + CLOSE_HI,
    ),
    (
        "ots_closing",
        "en",
        "Your compromise on loan account {loan_account_no}",
        "Dear {borrower_name},\n\nThe compromise of {settled_on} over {settled_sum} on your loan account"
        " {loan_account_no} has been kept. Nothing"
        " more is owed under it.\n\nThe account is reported to credit bureaus as settled, which may bear on"
        " later credit." + CLOSE_EN,
    ),
    (
        "ots_closing",
        "hi",
        "ऋण खाता {loan_account_no} का समझौता",
        "प्रिय {borrower_name},\n\nआपके ऋण खाते {loan_account_no} पर {settled_on} का {settled_sum} का"
        " समझौता पूरा हो गया है। इसके अंतर्गत अब कुछ देय"
        " नहीं है।\n\nक्रेडिट ब्यूरो को खाता 'सेटल्ड' बताया जाएगा, जिसका आगे के ऋण पर असर हो सकता है।" + CLOSE_HI,
    ),
    (
        "agency_authorisation",
        "en",
        "Who will contact you about loan account {loan_account_no}",
        "Dear {borrower_name},\n\n{agency_name} is authorised to contact you on behalf of {lender_name}"
        " about your loan account"
        " {loan_account_no}, until {agency_until}.\n\nIts people carry an identity card and this"
        " authorisation. They may call or visit between"
        " 8 in the morning and 7 in the evening, and must treat you with respect. If they do not, please"
        " tell us." + CLOSE_EN,
    ),
    (
        "agency_authorisation",
        "hi",
        "ऋण खाता {loan_account_no} के बारे में आपसे कौन संपर्क करेगा",
        "प्रिय {borrower_name},\n\n{agency_name} को {agency_until} तक आपके ऋण खाते {loan_account_no} के"
        " बारे में {lender_name} की ओर से आपसे संपर्क"
        " करने का अधिकार है।\n\nउनके लोग पहचान पत्र और यह अधिकार पत्र साथ रखते हैं। वे सुबह 8 से शाम 7 बजे"
        " के बीच संपर्क कर सकते हैं और उन्हें आपसे सम्मान"
        " से पेश आना है। ऐसा न हो तो कृपया हमें बताएँ।" + CLOSE_HI,
    ),
    (
        "campaign_offer",
        "en",
        "Your loan account {loan_account_no}",
        "{campaign_text}" + CLOSE_EN,
    ),
    (
        "campaign_offer",
        "hi",
        "आपका ऋण खाता {loan_account_no}",
        "{campaign_text}" + CLOSE_HI,
    ),
]
