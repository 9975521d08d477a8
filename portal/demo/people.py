"""Invented names and places. Nobody here exists; telephone numbers are from no series in use."""

from __future__ import annotations

FIRST = (
    "Aarav Aditi Ajay Amrita Anil Anjali Arjun Asha Bhavna Chetan Deepa Dinesh Farhan Fatima Gauri Gopal Harish Imran Isha Jaya "
    "Karan Kavita Kiran Lakshmi Lata Mahesh Manoj Meena Mohan Nandini Naveen Neha Nikhil Omkar Pooja Prakash Priya Rahul Rajesh "
    "Rekha Ritu Rohan Sana Sanjay Shabnam Sunita Suresh Swati Tarun Uma Varun Vidya Vijay Yusuf Zoya"
).split()
LAST = (
    "Agarwal Bhat Bose Chauhan Das Deshmukh Dutta Fernandes Ghosh Gupta Iyer Jain Joshi Kamble Khan Kulkarni Kumar Malhotra Mehta "
    "Menon Mishra Nair Naidu Pandey Patel Patil Pillai Rao Reddy Saxena Shaikh Sharma Shetty Singh Sinha Thomas Verma Yadav"
).split()

# city, state code, pincode prefix, region
CITIES = {
    "West": [("Mumbai", "27", "4000"), ("Pune", "27", "4110"), ("Nashik", "27", "4220"), ("Surat", "24", "3950")],
    "South": [
        ("Chennai", "33", "6000"),
        ("Coimbatore", "33", "6410"),
        ("Bengaluru", "29", "5600"),
        ("Kochi", "32", "6820"),
    ],
    "North": [("Delhi", "07", "1100"), ("Lucknow", "09", "2260"), ("Jaipur", "08", "3020"), ("Kanpur", "09", "2080")],
}
# About where each city is: latitude and longitude in thousandths of a degree.
PLACES = {
    "Mumbai": (19_076, 72_878), "Pune": (18_520, 73_857), "Nashik": (19_998, 73_790), "Surat": (21_170, 72_831),
    "Chennai": (13_083, 80_271), "Coimbatore": (11_017, 76_956), "Bengaluru": (12_972, 77_595), "Kochi": (9_931, 76_267),
    "Delhi": (28_614, 77_209), "Lucknow": (26_847, 80_946), "Jaipur": (26_912, 75_787), "Kanpur": (26_450, 80_332),
}  # fmt: skip
STREETS = (
    "Station Road",
    "Gandhi Marg",
    "Temple Street",
    "Market Lane",
    "Lake View",
    "Nehru Nagar",
    "Mill Road",
    "Hill Side",
)

# code, product, share per hundred, instalment range in rupees
PRODUCTS = (
    ("PL", 45, (4_000, 14_000)),
    ("CC", 20, (2_000, 9_000)),
    ("TW", 25, (2_500, 5_500)),
    ("AL", 10, (9_000, 22_000)),
)
