"""The clusters of a study: which there are to be, by name, across restarts of the engine."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autoresearch_tui.config import ClusterGroup
from autoresearch_tui.errors import BackendError

Kind = tuple[str | None, str | None, str | None]
"""Accelerators, infrastructure and image."""


@dataclass(frozen=True, slots=True)
class Member:
    """One cluster that there is to be.

    `accelerators`, `infra` and `image` are as SkyPilot has them, or None where the task says.
    Clusters that are not `ours` were there before, and are never launched or given up. A `leaving`
    one finishes what it runs, and goes.
    """

    name: str
    accelerators: str | None = None
    infra: str | None = None
    image: str | None = None
    ours: bool = True
    leaving: bool = False

    @property
    def kind(self) -> Kind:
        """What those that are alike share."""
        return (self.accelerators, self.infra, self.image)


class Fleet:
    """The members, written down at `path` before anything is done about them.

    `uid` tells this study's jobs from those of others on the same cluster.
    """

    def __init__(self, path: Path, tag: str) -> None:
        self._path = path
        self._tag = tag
        self.uid = secrets.token_hex(4)
        self.members: dict[str, Member] = {}
        self._next = 1
        self._declared: tuple[ClusterGroup, ...] = ()
        self._restore()

    def declare(self, groups: Sequence[ClusterGroup], use: Sequence[str]) -> None:
        """Have as many of each kind as the settings say; what is more than that leaves.

        Settings that have not changed leave a fleet alone that has been scaled since.
        """
        is_scaled = tuple(groups) == self._declared and any(
            member.ours and not member.leaving for member in self.members.values()
        )
        self._declared = tuple(groups)
        for member in list(self.members.values()):
            if not member.ours and member.name not in use:
                del self.members[member.name]
        for name in use:
            self.members[name] = Member(name, ours=False)
        if not is_scaled:
            self._declare(groups)
        self._write()

    def _declare(self, groups: Sequence[ClusterGroup]) -> None:
        wanted: dict[Kind, int] = {}
        for group in groups:
            kind = (group.accelerator, group.infra, group.image)
            wanted[kind] = wanted.get(kind, 0) + group.count
        for member in list(self.members.values()):
            if member.ours and member.kind not in wanted:
                self._leave(member)
        for kind, count in wanted.items():
            self._scale(kind, count)

    def declare_again(self) -> None:
        """Have what was declared last, though all of it went down at an end since."""
        use = [name for name, member in self.members.items() if not member.ours]
        self.declare(self._declared, use)

    def scale(self, accelerators: str, count: int, last: Sequence[str] = ()) -> None:
        """Have `count` clusters of a kind; those named in `last` go first where it is fewer.

        Raises:
            BackendError: there is no such kind, or there are several.
        """
        kinds = {m.kind for m in self.members.values() if m.ours and _is(m, accelerators)}
        if len(kinds) > 1:
            infras = " and ".join(sorted(str(infra) for _, infra, _ in kinds))
            raise BackendError(f"{accelerators}: is on {infras}; scale them in autoresearch.toml")
        kind = next(iter(kinds), None)
        if kind is None:
            known = sorted({m.accelerators or _ANY for m in self.members.values() if m.ours})
            raise BackendError(
                f"{accelerators}: the study has no such clusters; it has {', '.join(known)}"
            )
        self._scale(kind, count, last)
        self._write()

    def leave(self, name: str) -> Member:
        """Have a cluster finish what it runs, and go; what it was.

        Raises:
            BackendError: there is none of that name, or it is not ours.
        """
        member = self.members.get(name)
        if member is None:
            raise BackendError(f"{name}: no such cluster")
        if not member.ours:
            raise BackendError(f"{name}: was not launched by this study, which never stops it")
        self._leave(member)
        self._write()
        return member

    def replace(self, name: str) -> str:
        """Have a cluster leave, and another one of its kind come; the other's name."""
        member = self.leave(name)
        other = self._add(member.kind)
        self._write()
        return other.name

    def remove(self, name: str) -> None:
        """Forget a cluster that has gone."""
        if self.members.pop(name, None) is not None:
            self._write()

    def _scale(self, kind: Kind, count: int, last: Sequence[str] = ()) -> None:
        present = [m for m in self.members.values() if m.ours and m.kind == kind and not m.leaving]
        for _ in range(count - len(present)):
            self._add(kind)
        if count < len(present):
            present.sort(key=lambda m: (m.name in last, m.name), reverse=True)
            for member in present[: len(present) - count]:
                self._leave(member)

    def _add(self, kind: Kind) -> Member:
        member = Member(f"{self._tag}-{self._next:02d}", *kind)
        self._next += 1
        self.members[member.name] = member
        return member

    def _leave(self, member: Member) -> None:
        self.members[member.name] = replace(member, leaving=True)

    def _restore(self) -> None:
        try:
            known: Mapping[str, Any] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise BackendError(
                f"{self._path}: cannot be read ({error}); it names the clusters of the study: "
                "see `sky status` for what is up, then remove the file"
            ) from error
        self.uid, self._next = known["uid"], known["next"]
        self.members = {each["name"]: Member(**each) for each in known["members"]}
        self._declared = tuple(ClusterGroup(**each) for each in known["declared"])

    def _write(self) -> None:
        members = [asdict(member) for member in self.members.values()]
        declared = [group.model_dump() for group in self._declared]
        known = {"uid": self.uid, "next": self._next, "members": members, "declared": declared}
        text = json.dumps(known, indent=1)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._path)


_ANY = "any"
"""What those are called that take whatever the task asks for."""


def _is(member: Member, accelerators: str) -> bool:
    asked = member.accelerators or _ANY
    return accelerators in (asked, asked.removesuffix(":1"))
