"""India's states as GST numbers them."""

from __future__ import annotations

# The union territories without a legislature levy UTGST in the place of SGST.
UNION_TERRITORIES = frozenset({"04", "26", "31", "35", "38"})

STATE_CODES = {
    "jammu and kashmir": "01",
    "himachal pradesh": "02",
    "punjab": "03",
    "chandigarh": "04",
    "uttarakhand": "05",
    "haryana": "06",
    "delhi": "07",
    "rajasthan": "08",
    "uttar pradesh": "09",
    "bihar": "10",
    "sikkim": "11",
    "arunachal pradesh": "12",
    "nagaland": "13",
    "manipur": "14",
    "mizoram": "15",
    "tripura": "16",
    "meghalaya": "17",
    "assam": "18",
    "west bengal": "19",
    "jharkhand": "20",
    "odisha": "21",
    "chhattisgarh": "22",
    "madhya pradesh": "23",
    "gujarat": "24",
    "dadra and nagar haveli and daman and diu": "26",
    "maharashtra": "27",
    "karnataka": "29",
    "goa": "30",
    "lakshadweep": "31",
    "kerala": "32",
    "tamil nadu": "33",
    "puducherry": "34",
    "andaman and nicobar islands": "35",
    "telangana": "36",
    "andhra pradesh": "37",
    "ladakh": "38",
}
# The two letters people write: vehicle and ISO 3166-2 codes.
_LETTERS = """
JK01 HP02 PB03 CH04 UK05 UT05 HR06 DL07 RJ08 UP09 BR10 SK11 AR12 NL13 MN14 MZ15 TR16 ML17 AS18 WB19
JH20 OD21 OR21 CG22 CT22 MP23 GJ24 DD26 DH26 MH27 KA29 GA30 LD31 KL32 TN33 PY34 AN35 TS36 TG36 AP37
LA38
"""
STATE_LETTERS = {pair[:2]: pair[2:] for pair in _LETTERS.split()}
