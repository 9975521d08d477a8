"""What is found in evidence as honest people hand it in: its kind, a clean copy, and what it says of itself."""

from __future__ import annotations

import io

import pikepdf
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from portal.kernel.errors import Invalid
from portal.kernel.pictures import Limits, alike, examine
from tests.factories import honest_files as honest


def shown(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data), formats=["JPEG"])


def code_of(data: bytes, **limits: int) -> str:
    with pytest.raises(Invalid) as caught:
        examine(data, name="x", limits=Limits(**limits))
    (problem,) = caught.value.problems
    return problem.code


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_of_each_kind_becomes_a_jpeg_and_a_thumbnail(form, tmp_path):
    path = tmp_path / "named-wrongly.pdf"
    path.write_bytes(honest.encoded(honest.photo(1), form))
    found = examine(path, name=path.name)
    assert (found.kind, found.media_type, found.size) == ("picture", f"image/{form.lower()}", path.stat().st_size)
    assert (found.width, found.height) == (640, 480) == shown(found.copy).size
    assert shown(found.thumbnail).size == (320, 240) and len(found.thumbnail or b"") < 40_000
    assert found.pages is None and found.seconds is None and found.claims == {} and found.previews == ()
    assert found.look is not None and 0 < found.look < 2**256


def test_a_phones_own_format_is_taken():
    found = examine(honest.HEIC, name="IMG_1.HEIC")
    assert (found.media_type, found.width, found.height) == ("image/heic", 96, 64)
    assert shown(found.copy).size == (96, 64)
    assert found.claims == {"device_make": "Sahyadri", "latitude": "18.5000000", "longitude": "73.8500000"}


def test_a_second_picture_inside_a_phones_photo_is_left_out():
    first, second = honest.photo(1, (200, 150)), honest.photo(2, (100, 75))
    data = honest.encoded(first, "MPO", save_all=True, append_images=[second])
    found = examine(data, name="depth.jpg")
    assert (found.width, found.height) == (200, 150)
    assert found.pixels_sha256 == examine(honest.encoded(first), name="same.jpg").pixels_sha256


def test_large_pictures_are_shown_smaller():
    found = examine(honest.encoded(Image.new("RGB", (6000, 3000), "navy")), name="large.jpg")
    assert (found.width, found.height) == (6000, 3000)
    assert shown(found.copy).size == (2560, 1280) and shown(found.thumbnail).size == (320, 160)


def test_a_sliver_is_still_a_picture():
    found = examine(honest.encoded(Image.new("RGB", (5000, 2), "navy"), "PNG"), name="sliver.png")
    assert shown(found.copy).size == (2560, 1) and shown(found.thumbnail).size == (320, 1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_colours_of_every_kind_are_shown(mode):
    grey = Image.linear_gradient("L").resize((80, 80))
    if mode == "I;16":
        picture = Image.frombytes("I;16", (80, 80), b"".join(bytes([0, level]) for level in grey.tobytes()))
    else:
        picture = grey.convert("RGB").convert(mode)
    found = examine(honest.encoded(picture, "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"), name="x")
    top, bottom = shown(found.copy).convert("L").getpixel((40, 2)), shown(found.copy).convert("L").getpixel((40, 77))
    assert top < 30 and bottom > 225


def test_what_is_transparent_is_paper():
    found = examine(honest.encoded(Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG"), name="x.png")
    assert shown(found.copy).getpixel((20, 20)) == (255, 255, 255)


def test_what_a_photo_says_of_itself_is_told_and_not_passed_on():
    data = honest.camera_photo()
    found = examine(data, name="x.jpg")
    assert found.claims == {
        "taken_at": "2026-11-02T10:20:30+05:30",
        "gps_at": "2026-11-02T04:50:29Z",
        "latitude": "18.5204303",
        "longitude": "73.8567437",
        "altitude": "560.3",
        "accuracy": "4.8",
        "device_make": "Sahyadri",
        "device_model": "S9",
        "software": "S9-user 14",
    }
    for served in (found.copy, found.thumbnail):
        assert (
            b"Sahyadri" not in (served or b"") and not shown(served).getexif() and shown(served).info.get("xmp") is None
        )
    assert b"Sahyadri" in data


@pytest.mark.parametrize(
    ("place", "claims"),
    [
        ((0.0, 0.0), {"no_position": "0, 0"}),
        ((0.004, -0.009), {"no_position": "0, 0"}),
        ((-33.8568, 151.2153), {"latitude": "-33.8568000", "longitude": "151.2153000"}),
        ((0.3476, 32.5825), {"latitude": "0.3476000", "longitude": "32.5825000"}),
        ((12.0, -77.05), {"latitude": "12.0000000", "longitude": "-77.0500000"}),
    ],
)
def test_places_are_read_on_every_side_of_the_world(place, claims):
    assert examine(honest.encoded(honest.photo(1), exif=honest.exif_of(place)), name="x").claims == claims


@pytest.mark.parametrize(
    "latitude",
    [
        (IFDRational(1, 0), IFDRational(0, 1), IFDRational(0, 1)),
        (IFDRational(91, 1), IFDRational(0, 1), IFDRational(0, 1)),
        (IFDRational(18, 1), IFDRational(61, 1), IFDRational(0, 1)),
        (IFDRational(18, 1), IFDRational(30, 1)),
        (IFDRational(90, 1), IFDRational(30, 1), IFDRational(0, 1)),
    ],
)
def test_a_place_that_is_none_is_said_to_be_none(latitude):
    exif = honest.exif_of((18.5, 73.8))
    exif.get_ifd(ExifTags.IFD.GPSInfo)[2] = latitude
    assert examine(honest.encoded(honest.photo(1), exif=exif), name="x").claims == {"no_position": "unreadable"}


def test_claims_are_one_short_line_each():
    exif = honest.exif_of(
        Make="a\r\nX-Evil: 1\x00\x07" + "é" * 500, Model="   ", DateTimeOriginal="0000:00:00 00:00:00"
    )
    claims = examine(honest.encoded(honest.photo(1), exif=exif), name="x").claims
    assert set(claims) == {"device_make"} and len(claims["device_make"]) <= 200
    assert claims["device_make"].isprintable()


def test_the_program_that_edited_a_picture_is_told():
    xmp = b'<x:xmpmeta><rdf:Description xmp:CreatorTool="Photo Shop 25"/></x:xmpmeta>'
    assert examine(honest.encoded(honest.photo(1), xmp=xmp), name="x").claims == {"created_with": "Photo Shop 25"}


def test_the_eight_ways_of_holding_a_phone_are_one_picture():
    picture = honest.photo(3, (160, 120))
    found = [examine(honest.turned(picture, orientation), name="x") for orientation in range(1, 9)]
    assert len({each.pixels_sha256 for each in found}) == 1 and len({each.look for each in found}) == 1
    assert {(each.width, each.height) for each in found} == {(160, 120)}
    assert {shown(each.copy).size for each in found} == {(160, 120)}


def test_other_metadata_does_not_make_another_picture():
    picture = honest.photo(4)
    plain = examine(honest.encoded(picture), name="x")
    other = examine(honest.encoded(picture, exif=honest.exif_of((1.0, 2.0), Make="x"), comment=b"other"), name="x")
    assert plain.pixels_sha256 == other.pixels_sha256 and plain.look == other.look
    assert plain.pixels_sha256 != examine(honest.encoded(picture, quality=60), name="x").pixels_sha256


def test_a_blank_picture_looks_like_nothing():
    assert examine(honest.encoded(Image.new("RGB", (300, 200), "white")), name="x").look is None


def test_a_pdf_is_drawn_and_counted_and_says_who_made_it():
    found = examine(honest.saved(honest.pdf(5)), name="letter.pdf")
    assert (found.kind, found.media_type, found.pages) == ("pdf", "application/pdf", 5)
    assert found.copy is None and found.pixels_sha256 is None and found.look is not None
    assert [max(shown(page).size) for page in found.previews] == [1600] * 3
    assert max(shown(found.thumbnail).size) == 320
    assert found.claims == {
        "created_with": "LetterPress 3.1",
        "software": "Branch Desk",
        "created_at": "2026-11-02T10:20:30+05:30",
    }


@pytest.mark.parametrize("options", [{"linearize": True}, {"object_stream_mode": pikepdf.ObjectStreamMode.generate}])
def test_a_pdf_is_taken_however_it_was_saved(options):
    assert examine(honest.saved(honest.pdf(2), **options), name="x").pages == 2


def test_links_and_bookmarks_of_honest_documents_are_taken():
    document = honest.pdf(2)
    with document.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Second", 1))
    links = [
        {"/S": pikepdf.Name.URI, "/URI": pikepdf.String(to)}
        for to in ("https://a.b", "mailto:a@b.c", "upi://pay?pa=a@b", "www.a.b")
    ]
    notes = [
        pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=a) for a in links
    ]
    document.pages[0].Annots = pikepdf.Array([document.make_indirect(note) for note in notes])
    assert examine(honest.saved(document), name="x").pages == 2


def test_the_same_page_looks_alike_in_another_pdf():
    one, other = honest.saved(honest.pdf(1, "Rs 14,500")), honest.saved(honest.pdf(2, "Rs 14,500"), linearize=True)
    looks = [examine(data, name="x").look for data in (one, other)]
    assert alike(looks[0] or 0, looks[1] or 0) == 0


@pytest.mark.parametrize(
    ("data", "media_type", "seconds"),
    [
        (honest.wav(3.0), "audio/wav", 3),
        (honest.amr(500), "audio/amr", 10),
        (honest.amr_wide(500), "audio/amr", 10),
        (honest.mp3(383), "audio/mpeg", 10),
        (honest.mp3(383, tag=honest.id3(b"TIT2" + bytes(600))), "audio/mpeg", 10),
        (honest.mp3(383) + b"TAG" + bytes(125), "audio/mpeg", 10),
        (honest.aac(156), "audio/aac", 20),
        (honest.ogg(9), "audio/ogg", 9),
        (honest.ogg(9, b"\x01vorbis" + bytes(5) + (48_000).to_bytes(4, "little") + bytes(14)), "audio/ogg", 9),
        (honest.mp4(), "audio/mp4", 30),
        (honest.mp4(b"3gp4"), "audio/3gpp", 30),
        (honest.mp4(b"isom"), "audio/mp4", 30),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_recordings_of_every_kind_are_taken_with_their_length(data, media_type, seconds):
    found = examine(data, name="call")
    assert (found.kind, found.media_type, found.seconds) == ("audio", media_type, seconds)
    assert found.copy is None and found.thumbnail is None and found.look is None and found.size == len(data)


def test_a_recording_tells_when_it_began():
    began = 3_876_459_630  # seconds since 1904
    assert examine(honest.mp4(began=began), name="x").claims == {"taken_at": "2026-11-02T10:20:30Z"}
    assert examine(honest.mp4(), name="x").claims == {}


def test_each_limit_is_the_callers():
    picture, document = honest.encoded(honest.photo(1)), honest.saved(honest.pdf(3))
    assert code_of(picture, pixels=300_000) == "too_many_pixels"
    assert code_of(picture, picture_bytes=1000) == "too_large"
    assert code_of(picture, bytes=1000) == "too_large"
    assert code_of(document, pages=2) == "too_many_pages"
    assert code_of(honest.wav(61), audio_seconds=60) == "too_long_audio"
    assert code_of(honest.encoded(Image.new("RGB", (5000, 5000))), memory=30_000_000) == "too_much_work"
