"""The share of fake followers in a sample of an audience, with an interval that holds.

Counting the profiles that a program flags gives the share of flags, not of
fakes: it misses some and flags others. Here the error rates are measured on
people whom the program had not seen, and undone; what is not known about them
is part of the interval. Where the audience does not look like the people that
were learned from, no share is told. Nobody in the sample is named or judged:
what comes out is a share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit, logit

from entregent.authenticity.audience_labels import labelled_share
from entregent.authenticity.audience_model import Reference
from entregent.authenticity.audience_profiles import Profiles, profiles, trait_text
from entregent.authenticity.audience_resemblance import Resemblance, effective, resemblance
from entregent.errors import InputError
from entregent.i18n import T, Text
from entregent.results import CannotTell, Estimate, Notice
from entregent.stats.intervals import check_level, wilson

__all__ = ["Audience", "audience"]

LEAST_PEOPLE = 200
LEAST_AUC = 0.7
DRAWS = 4000
_CUT = 0.5
_STEPS = 200
_INSIDE = (0.02, 0.98)
_FURTHEST = 4.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Audience:
    """What can be said of an audience from a sample of it.

    Parameters
    ----------
    share : Estimate or CannotTell
        Share of fake followers.
    counted : Estimate or None
        Share of profiles that the model flags, with the interval of a plain
        share: what is usually printed, and misleads. None without a reference.
    misses, false_flags : Estimate or None
        Shares of fakes not flagged and of genuine people flagged, among
        strangers of the reference.
    resemblance : Resemblance or None
        Whether the audience looks like the reference.
    weights : mapping of str to float
        Change of the log odds for one standard deviation of each trait.
    people, profiles : int
        Followers in the sample, and distinct profiles among them.
    labelled : int
        Of them judged by the team.
    cautions : tuple of Text
        What must be read with the share.
    innocent : tuple of Text
        What else would bring it about.
    notices : tuple of Notice
    """

    share: Estimate | CannotTell
    counted: Estimate | None
    misses: Estimate | None
    false_flags: Estimate | None
    resemblance: Resemblance | None
    weights: dict[str, float]
    people: int
    profiles: int
    labelled: int
    cautions: tuple[Text, ...]
    innocent: tuple[Text, ...]
    notices: tuple[Notice, ...] = ()


def audience(
    table: pa.Table,
    reference: Reference | None,
    rng: np.random.Generator,
    *,
    labels: Floats | None = None,
    level: float = 0.9,
    as_of: datetime | None = None,
) -> Audience:
    """Estimate the share of fake followers in an audience from a sample of it.

    Parameters
    ----------
    table : pa.Table
        One row a follower, drawn at random from the audience, with the columns of
        :func:`~entregent.authenticity.audience_profiles.profiles`.
    reference : Reference or None
        From :func:`~entregent.authenticity.audience_model.learned`, of the
        same platform. Without it `labels` are needed.
    rng : numpy.random.Generator
        Draws error rates and samples.
    labels : ndarray of float64, shape (n,), optional
        What the team judged of followers drawn at random from the sample:
        1 fake, 0 not, NaN not looked at. The interval then rests on them, the
        reference only sorts the sample into strata, and the audience need not
        look like it.
    level : float
        Level of the intervals.
    as_of : datetime, optional
        When the sample was taken, passed on.

    Returns
    -------
    Audience
        Its share cannot be told for fewer than 200 followers, a reference
        that tells the kinds apart too badly, or an audience unlike it.

    Raises
    ------
    InputError
        For labels of another length, or neither reference nor labels.

    Notes
    -----
    A first share is that at which the mean chance to be fake is the share
    itself (Saerens, Latinne and Decaestecker). With the numbers of people that
    both kinds rest on, it sets how strongly each follower counts, so that the
    error of the share is least; the mean of these graded flags is then corrected by its means among fakes
    and genuine people of the reference, as adjusted count does with error
    rates (Forman). Both means are drawn from their posteriors (beta, with
    Student's allowance for a variance that is estimated too), the audience's
    own means around them with the number of distinct profiles of each kind,
    and the share of the sample around that of the audience.

    Assumed: fakes here are like fakes of the reference and others like
    others, only their share differs; the sample is random; the reference's
    judgements are right.

    References
    ----------
    Saerens, M., Latinne, P. and Decaestecker, C. (2002), Adjusting the outputs
    of a classifier to new a priori probabilities. doi:10.1162/089976602753284446

    Forman, G. (2008), Quantifying counts and costs via classification.
    doi:10.1007/s10618-008-0097-y
    """
    level = check_level(level)
    if labels is not None and len(labels) != table.num_rows:
        raise InputError(f"There are {len(labels)} labels for {table.num_rows} followers.")
    if reference is None:
        if labels is None:
            raise InputError(
                "There is neither a reference nor a label.",
                do="Give labelled profiles of the same platform, or label 200 followers drawn at random.",
            )
        share, notices = labelled_share(labels, None, None, rng, level, as_of)
        return _result(share, table.num_rows, table.num_rows, labels, notices)
    found = profiles(table, reference.traits)
    known = None if labels is None else labels[found.kept]
    if len(found.values) == 0:
        return _result(_few(0), 0, 0, known, found.notices, reference)
    evidence = reference.weigh(found.values)
    cluster = np.unique(found.values, axis=0, return_inverse=True)[1].reshape(-1)
    likely = _likely_share(evidence)
    sorted_ = _corrected(evidence, cluster, likely, reference, rng, level, as_of)
    fake = expit(evidence + logit(np.clip(sorted_.value, *_INSIDE)))
    alike = resemblance(found.values, evidence, reference, sorted_.value, sorted_.error, fake, cluster)
    share, notices = _told(found, reference, sorted_, alike), found.notices
    if known is not None:
        share, more = labelled_share(known, evidence, fake if alike.alike else None, rng, level, as_of)
        notices = (*notices, *more)
    return _result(
        share, len(found.values), int(cluster.max()) + 1, known, (*reference.notices, *notices), reference,
        alike, _flagged(evidence, level, as_of), level,
    )  # fmt: skip


@dataclass(frozen=True)
class _Corrected:
    value: float
    error: float
    estimate: Estimate


def _likely_share(evidence: Floats) -> float:
    """Return the share at which the mean chance to be fake is that share (EM of Saerens et al.)."""
    share = 0.3
    for _ in range(_STEPS):
        after = float(expit(evidence + logit(min(max(share, 1e-4), 1 - 1e-4))).mean())
        if abs(after - share) < 1e-6:
            break
        share = after
    return share


def _corrected(
    evidence: Floats, cluster: NDArray[np.int64], likely: float, reference: Reference,
    rng: np.random.Generator, level: float, as_of: datetime | None,
) -> _Corrected:  # fmt: skip
    n = len(evidence)
    odds = _best_odds(likely, expit(evidence + logit(np.clip(likely, *_INSIDE))), cluster, reference)
    seen = float(expit(evidence + odds).mean())
    graded = expit(reference.evidence + odds)
    kinds = (graded[reference.fake], graded[~reference.fake])
    means = [float(kind.mean()) for kind in kinds]
    apart = max(means[0] - means[1], 1e-6)
    value = float(np.clip((seen - means[1]) / apart, 0.0, 1.0))
    fake = expit(evidence + logit(np.clip(value, 1e-3, 1 - 1e-3)))
    drawn = []
    for kind, mean, weight in zip(kinds, means, (fake, 1.0 - fake), strict=True):
        size, here = len(kind), max(effective(weight, cluster), 2.0)
        variance = max(float(kind.var(ddof=1)), 1e-9)
        of_reference = _beta(mean, variance / size, rng) - mean
        of_audience = rng.normal(0.0, np.sqrt(variance / here), DRAWS)
        wider = np.sqrt((size - 1) / rng.chisquare(size - 1, DRAWS))
        drawn.append(mean + wider * (of_reference + of_audience))
    # Where draws of the two means cross, any share would do: those at the ends.
    gap = np.maximum(drawn[0] - drawn[1], 1e-3)
    shares = np.clip((seen - drawn[1]) / gap, 0.0, 1.0)
    # Not from a posterior: a share of zero stays zero, so that an interval can hold it.
    shares = rng.binomial(n, shares) / n
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    estimate = Estimate.around(value, low, high, level, n, "graded adjusted count", as_of)
    return _Corrected(value, max(float(shares.std()), 1e-3), estimate)


def _best_odds(likely: float, fake: Floats, cluster: NDArray[np.int64], reference: Reference) -> float:
    """Return the log odds at which graded flags make the error of the share smallest.

    The error of a mean h among each kind counts with the square of its share
    over the number of people that it rests on; Fisher's discriminant then is
    the chance to be fake at odds of those two numbers.
    """
    share = float(np.clip(likely, *_INSIDE))
    counts = []
    for part, known, weight in (
        (share, reference.fake, fake),
        (1.0 - share, ~reference.fake, 1.0 - fake),
    ):
        counts.append(part**2 * (1.0 / known.sum() + 1.0 / max(effective(weight, cluster), 2.0)))
    return float(np.clip(np.log(counts[0] / counts[1]), -_FURTHEST, _FURTHEST))


def _beta(mean: float, variance: float, rng: np.random.Generator) -> Floats:
    """Draw means between 0 and 1 that have this mean and variance."""
    size = max(mean * (1 - mean) / variance - 1, 1e-2)
    return rng.beta(max(mean * size, 1e-6), max((1 - mean) * size, 1e-6), DRAWS)


def _told(
    found: Profiles, reference: Reference, corrected: _Corrected, alike: Resemblance
) -> Estimate | CannotTell:
    if found.impossible:
        name, value = next(iter(found.impossible.items()))
        return CannotTell(
            "audience.impossible_value",
            T(
                "The {trait} is {value} somewhere, which no profile has: the columns do not mean what they"
                " mean in the reference.",
                trait=trait_text(name),
                value=value,
            ),
            T("A sample with the same columns as the reference."),
        )
    if len(found.values) < LEAST_PEOPLE:
        return _few(len(found.values))
    if reference.auc < LEAST_AUC:
        return CannotTell(
            "audience.weak_reference",
            T("In the reference, the traits hardly tell fake from genuine people."),
            T("More traits, or more people judged."),
        )
    if not alike.alike:
        return CannotTell(
            "audience.unlike_reference",
            T(
                "This audience does not look like the people of the reference, whatever share of them is"
                " fake. What differs most: {what}.",
                what=_unlike(alike.unlike[0]),
            ),
            T(
                "A reference from the same platform and years, or 200 followers drawn at random and labelled"
                " by your team."
            ),
        )
    return corrected.estimate


def _unlike(name: str) -> Text:
    if name == "evidence":
        return T("how far profiles look fake, all traits together")
    first, _, second = name.rpartition(" ")[2].partition("*")
    if not second:
        return trait_text(first)
    return T("how {first} and {second} go together", first=trait_text(first), second=trait_text(second))


def _few(n: int) -> CannotTell:
    return CannotTell(
        "audience.small_sample",
        T("The sample has {n} followers with complete profiles.", n=n),
        T("At least {least}, drawn at random from the audience; 1,000 are better.", least=LEAST_PEOPLE),
    )


def _flagged(evidence: Floats, level: float, as_of: datetime | None) -> Estimate:
    flagged = int((evidence > 0).sum())
    found = wilson(flagged, len(evidence), level)
    return Estimate(
        float(found.value), float(found.low), float(found.high), level, len(evidence), "flags counted", as_of
    )


def _rate(wrong: NDArray[np.bool_], level: float) -> Estimate:
    from scipy import stats

    k, n = int(wrong.sum()), len(wrong)
    low, high = stats.beta.ppf([(1 - level) / 2, (1 + level) / 2], k + 0.5, n - k + 0.5)
    return Estimate.around(k / n, low, high, level, n, "beta posterior")


def _result(
    share: Estimate | CannotTell, people: int, distinct: int, labels: Floats | None,
    notices: tuple[Notice, ...], reference: Reference | None = None, alike: Resemblance | None = None,
    counted: Estimate | None = None, level: float = 0.9,
) -> Audience:  # fmt: skip
    cautions = [
        T(
            "This is a share of the audience. It says of nobody in it whether they are fake, and nothing of"
            " how they came."
        ),
    ]
    misses = false_flags = None
    if reference is not None:
        misses = _rate(reference.evidence[reference.fake] <= 0, level)
        false_flags = _rate(reference.evidence[~reference.fake] > 0, level)
        cautions.append(
            T(
                "“Fake” is what the people who labelled the reference judged from profiles; it proves no"
                " purchase."
            )
        )
        cautions.append(
            T(
                "It holds if fakes here are like those of the reference and the sample was drawn at random"
                " from the whole audience: the newest followers alone are no such sample."
            )
        )
    if counted is not None:
        cautions.append(
            T(
                "The share of flagged profiles is shown only because others print it: it counts flags, not"
                " fakes."
            )
        )
    return Audience(
        share=share,
        counted=counted,
        misses=misses,
        false_flags=false_flags,
        resemblance=alike,
        weights=dict(reference.weights) if reference else {},
        people=people,
        profiles=distinct,
        labelled=0 if labels is None else int((~np.isnan(labels)).sum()),
        cautions=tuple(cautions),
        innocent=_INNOCENT,
        notices=notices,
    )


_INNOCENT = (
    T(
        "A post seen widely in another country or by people new to the network brings followers who look"
        " unusual."
    ),
    T("Old accounts that nobody uses any more look like fake ones."),
    T("Anybody can be followed by fakes without asking for it; some are sent to harm."),
    T("People who read and never post look like fakes to a program."),
)
