"""The fixtures that open the two doors, tried once so that other tests can lean on them."""

from __future__ import annotations

from portal.kernel.db import unit_of_work
from tests.factories.world import a_user


def test_a_browser_can_be_signed_in_without_the_page(client, client_of, bank_session):
    with unit_of_work(bank_session):
        a_user(bank_session, "admin@bank.example", "bank_admin")
    assert client.get("/admin/users").status_code in (302, 401)
    assert client_of("admin@bank.example").get("/admin/users").status_code == 200


def test_a_command_answers_with_one_json_object(cli):
    refused = cli("no-such-command")
    assert refused.exit_code == 2
    assert refused.json["error"]["code"] == "usage"


def test_a_command_works_on_the_tests_database(cli, database):
    done = cli("user", "add", "auditor@bank.example", "--role", "auditor")
    assert done.exit_code == 0, done.out + done.err
    assert done.json["email"] == "auditor@bank.example"
    assert database.execute("select role from users where email = 'auditor@bank.example'") == [("auditor",)]
