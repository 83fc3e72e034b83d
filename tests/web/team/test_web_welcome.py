"""The first person enters by a link that works once; the others by invitation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from entregent.clock import now
from entregent.web.team import service
from entregent.web.team.models import Invitation, Note, Role, User

WHO = {
    "name": "Claire Morel",
    "email": "Claire@Example.org",
    "password": "une phrase assez longue",
    "language": "fr",
    "zone": "Europe/Paris",
}


def test_the_first_person_becomes_director_and_is_signed_in(browser) -> None:
    door = browser(None)
    link = reverse("welcome", args=[service.first_link()])
    assert "You are the first here" in door.get(link).content.decode()
    answer = door.post(link, WHO)
    assert answer.status_code == 302
    assert answer.url == "/"
    user = User.objects.get()
    assert (user.email, user.role, user.zone) == ("claire@example.org", Role.DIRECTOR, "Europe/Paris")
    assert "Aujourd’hui" in door.get("/").content.decode()
    assert Note.objects.filter(kind="team.joined", by=user).exists()


def test_a_link_works_once_and_the_secret_is_kept_nowhere(browser) -> None:
    secret = service.first_link()
    link = reverse("welcome", args=[secret])
    assert not Invitation.objects.filter(digest=secret).exists()
    browser(None).post(link, WHO)
    answer = browser(None).post(link, WHO | {"email": "b@example.org"})
    assert answer.status_code == 410
    assert User.objects.count() == 1


def test_a_first_link_is_worth_nothing_once_there_is_an_owner(browser, person) -> None:
    secret = service.first_link()
    person()
    assert browser(None).get(reverse("welcome", args=[secret])).status_code == 410


def test_a_new_first_link_ends_the_one_before(browser) -> None:
    before = service.first_link()
    service.first_link()
    assert service.waiting(before) is None


def test_a_link_ends_after_a_week() -> None:
    secret = service.first_link()
    assert service.waiting(secret, now() + timedelta(days=6, hours=23)) is not None
    assert service.waiting(secret, now() + timedelta(days=7, seconds=1)) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "short"}, "too short"),
        ({"password": "claire@example.org"}, "too similar"),
        ({"zone": "Mars/Olympus"}, "not one of the available choices"),
        ({"email": "nowhere"}, "valid email"),
        ({"name": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_the_link_still_works(browser, wrong, said) -> None:
    secret = service.first_link()
    answer = browser(None).post(reverse("welcome", args=[secret]), WHO | {"language": "en"} | wrong)
    assert said in answer.content.decode()
    assert User.objects.count() == 0
    assert service.waiting(secret) is not None


def test_an_invited_person_gets_the_role_of_the_invitation(browser, person) -> None:
    secret = service.invite(person(), Role.ANALYST, "ana@example.org")
    link = reverse("welcome", args=[secret])
    assert "Director Martin invites you as: Analyst." in browser(None).get(link).content.decode()
    browser(None).post(link, WHO | {"email": "ana@example.org"})
    assert User.objects.get(email="ana@example.org").role == Role.ANALYST
