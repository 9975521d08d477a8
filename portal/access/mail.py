"""Letters with one-time links: to a folder while developing, through SMTP in production."""

from __future__ import annotations

import secrets
import smtplib
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit


class Postman(Protocol):
    def send(self, to: str, subject: str, text: str) -> None: ...


class FolderPostman:
    """Lays each letter into a folder of one's own, for whoever runs the portal here to read."""

    def __init__(self, folder: Path, sender: str) -> None:
        self.folder, self.sender = folder, sender

    def send(self, to: str, subject: str, text: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{secrets.token_hex(8)}.eml"
        path.touch(mode=0o600)
        path.write_bytes(_letter(self.sender, to, subject, text).as_bytes(policy=SMTP))


class SmtpPostman:
    """Hands letters to a mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465."""

    def __init__(self, url: str, sender: str) -> None:
        self.url, self.sender = urlsplit(url), sender

    def send(self, to: str, subject: str, text: str) -> None:
        encrypted = self.url.scheme == "smtps"
        connect = smtplib.SMTP_SSL if encrypted else smtplib.SMTP
        with connect(
            self.url.hostname or "localhost", self.url.port or (465 if encrypted else 587), timeout=10
        ) as server:
            if not encrypted and server.has_extn("starttls"):
                server.starttls()
            if self.url.username:
                server.login(unquote(self.url.username), unquote(self.url.password or ""))
            server.send_message(_letter(self.sender, to, subject, text))


def _letter(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, to, subject
    letter.set_content(text)
    return letter


def make_postman(smtp_url: str, sender: str, folder: Path) -> Postman:
    """SMTP when there is a server to hand letters to, else the folder."""
    return SmtpPostman(smtp_url, sender) if smtp_url else FolderPostman(folder, sender)
