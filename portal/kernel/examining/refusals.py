"""Why an evidence file is not accepted: the codes, and their words."""

from __future__ import annotations


class NotAccepted(Exception):
    """The file is not one of ours to keep. `detail` fills the words of the code."""

    def __init__(self, code: str, **detail: object) -> None:
        super().__init__(code)
        self.code, self.detail = code, {key: str(value) for key, value in detail.items()}


AS_PHOTO = "Take a photo, or save it as JPEG, PNG or PDF."
PRINT_IT = "Print it to a new PDF file, or hand in photos of its pages."
RECORD = "Hand in the recording as MP3, M4A, OGG, AMR or WAV."

# code: (message, cure). Each message goes on from "This file".
WORDS: dict[str, tuple[str, str]] = {
    "empty_file": ("is empty.", "Choose the file again; the copy may not have finished."),
    "too_large": ("is larger than {limit} MB.", "Make it smaller: a photo needs no more, a recording can be split."),
    "html_file": ("is a web page, whatever its name says.", AS_PHOTO),
    "svg_file": ("is an SVG drawing, which can carry a program.", AS_PHOTO),
    "text_file": ("is text, not a photo, a PDF or a recording.", AS_PHOTO),
    "program_file": ("is a program.", AS_PHOTO),
    "archive_file": ("is an archive.", "Unpack it and hand in the files one by one."),
    "office_file": ("is an office document.", "Save it as PDF."),
    "other_picture": ("is a picture of a kind we do not take ({kind}).", "Save it as JPEG or PNG."),
    "other_audio": ("is a recording of a kind we do not take ({kind}).", RECORD),
    "video_file": ("is a video.", "Hand in photos, or the sound alone."),
    "unknown_type": ("is no photo, PDF or recording that we know.", AS_PHOTO),
    "uncertain_type": ("is two kinds of file at once ({kinds}).", PRINT_IT),
    "damaged_picture": (
        "is damaged or not complete.",
        "Send it again; if it does not open on your phone, take it anew.",
    ),
    "too_many_pixels": ("has {width} × {height} pixels; {limit} million is the most.", "Save it smaller."),
    "animated_picture": ("moves: it holds {frames} pictures.", "Hand in one picture."),
    "too_much_metadata": (
        "carries far more hidden data than a photo does.",
        "Take a screenshot of it, or save it anew.",
    ),
    "damaged_pdf": ("is a damaged PDF.", PRINT_IT),
    "protected_pdf": ("is protected by a password.", "Save it without a password."),
    "active_pdf": ("is a PDF with something that acts by itself or hides inside it ({found}).", PRINT_IT),
    "nothing_attached": ("carries no statement.", "Hand in the PDF as it was downloaded, not a print of it."),
    "too_many_pages": ("has {pages} pages; {limit} is the most.", "Hand in the pages that matter."),
    "damaged_audio": ("is damaged or not complete.", "Send it again; if it does not play on your phone, it is lost."),
    "too_long_audio": ("is longer than {limit} minutes.", "Hand in the part that matters."),
    "damaged_file": ("is damaged in a way that cannot be read.", "Send it again, or take it anew."),
    "too_much_work": (
        "would take more memory or time than one file may.",
        "Save it smaller or simpler, and try again.",
    ),
}
