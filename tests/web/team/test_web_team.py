"""Who may do what, and what is noted of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.urls import reverse

from entregent.clock import now
from entregent.web.team import service
from entregent.web.team.access import LABELS, PERMISSIONS
from entregent.web.team.models import Note, Role, Token, User

PAGES = {
    "today": "team.view",
    "team": "team.view",
    "invite": "team.manage",
    "tokens": "team.tokens",
    "journal": "team.audit",
}


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_for_the_roles_of_its_right_alone(browser, role: str, page: str) -> None:
    answer = browser(role).get(reverse(page))
    assert answer.status_code == (200 if role in PERMISSIONS[PAGES[page]] else 403)


def test_an_auditor_may_read_and_audit_only() -> None:
    allowed = {name for name, roles in PERMISSIONS.items() if "auditor" in roles}
    assert allowed == {"team.view", "team.audit", "listen.view", "people.view"}


def test_every_right_has_a_name() -> None:
    assert set(LABELS) == set(PERMISSIONS)


@pytest.mark.parametrize("page", [*PAGES, "profile"])
def test_a_stranger_is_sent_to_the_door_and_back(browser, page: str) -> None:
    answer = browser(None).get(reverse(page))
    assert answer.status_code == 302
    assert answer.url == f"/account/login/?next={reverse(page)}"
    part = browser(None).get(reverse(page), headers={"hx-request": "true"})
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/account/login/")


def test_nobody_signs_up(browser) -> None:
    before = User.objects.count()
    browser(None).post("/account/signup/", {"email": "x@example.org", "password1": "une phrase assez longue"})
    assert User.objects.count() == before


def test_the_last_director_stays(person) -> None:
    director = person()
    with pytest.raises(ValidationError, match="name another director first"):
        service.change(director, director, role=Role.AGENT, is_active=True)
    other = person(name="Anne Petit")
    service.change(other, director, role=Role.AGENT, is_active=True)
    assert User.objects.get(pk=director.pk).role == Role.AGENT


def test_who_may_not_sign_in_loses_sessions_and_keys(browser, person) -> None:
    director, agent = person(), person(Role.ANALYST)
    client = browser(user=agent)
    assert client.get("/").status_code == 200
    service.make_token(agent, "mine", ["listen:read"], 30)
    assert UserSession.objects.filter(user=agent).exists()
    service.change(director, agent, role=agent.role, is_active=False)
    assert client.get("/").status_code == 302
    assert not Token.objects.filter(owner=agent).exists()
    assert not UserSession.objects.filter(user=agent).exists()


def test_every_change_of_a_role_is_in_the_history_and_the_journal(browser, person) -> None:
    agent = person(Role.AGENT)
    director = browser()
    director.post(reverse("member", args=[agent.pk]), {"role": Role.MANAGER, "is_active": "on"})
    assert [row.role for row in agent.history.all()] == [Role.MANAGER, Role.AGENT]
    assert agent.history.first().history_user.role == Role.DIRECTOR
    note = Note.objects.get(kind="team.changed")
    assert note.words["before"] == {"role": "agent", "is_active": True}
    page = director.get(reverse("journal")).content.decode()
    assert "changed what somebody may do" in page


def test_a_key_is_shown_once_and_is_for_its_scopes_until_its_end(browser, person) -> None:
    owner = person(Role.ANALYST)
    page = browser(user=owner).post(
        reverse("tokens"), {"name": "report", "scopes": ["listen:read"], "days": "30"}
    )
    secret = page.context["secret"]
    assert secret in page.content.decode()
    assert secret not in browser(user=owner).get(reverse("tokens")).content.decode()
    assert not Token.objects.filter(digest=secret).exists()
    assert service.owner_of_token(secret, "listen:read") == owner
    assert service.owner_of_token(secret, "listen:write") is None
    assert service.owner_of_token("eg_wrong", "listen:read") is None
    Token.objects.update(expires_at=now() - timedelta(seconds=1))
    assert service.owner_of_token(secret, "listen:read") is None


def test_nobody_ends_the_key_of_another(browser, person) -> None:
    service.make_token(person(Role.ANALYST), "mine", ["listen:read"], 30)
    token = Token.objects.get()
    assert browser().post(reverse("token_end", args=[token.pk])).status_code == 404
    assert Token.objects.filter(pk=token.pk).exists()


def test_wrong_passwords_shut_the_door_for_a_while(browser, person) -> None:
    user = person()
    door = browser(None)
    right = {"login": user.email, "password": "une phrase assez longue"}
    for _ in range(5):
        door.post("/account/login/", right | {"password": "wrong"})
    shut = door.post("/account/login/", right)
    assert shut.status_code != 302
    assert "Too many failed login attempts" in shut.content.decode()
    assert Note.objects.filter(kind="session.refused").count() >= 5
