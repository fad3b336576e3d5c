"""`manage.py passages`: the walk over every passage of the published notices, and where the inventory holds it.

Exit code 0 if every passage is held: in a field that is there and says something, or as page furniture.
"""

from __future__ import annotations

import json
import sys
from random import Random, SystemRandom
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ropa.models import Organisation, Version
from worker.passage_walk import Walked, walk

Found = tuple[Version, list[Walked]]


class Command(BaseCommand):
    help = "Walk over the notices' passages: how many are held in the inventory, and where."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)  # our --version

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="all of them if left out")
        parser.add_argument("--version", metavar="N", type=int, help="the last one that stands if left out")
        parser.add_argument("--draw", metavar="NUMBER", type=int, default=0, help="show so many drawn at random")
        parser.add_argument("--seed", metavar="NUMBER", type=int, help="draw the same ones again")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        found = [(version, list(walk(json.loads(version.snapshot)))) for version in _versions(options)]
        seed = options["seed"] if options["seed"] is not None else SystemRandom().randrange(10**6)
        everything = [(version, one) for version, walked in found for one in walked]
        number = min(options["draw"], len(everything))
        drawn = Random(seed).sample(everything, number)  # noqa: S311 - a sample to look at, no secret
        if options["json"]:
            told = {
                "organisations": [{**_named(version), **_counted(walked)} for version, walked in found],
                "total": _counted([one for _, one in everything]),
                "seed": seed,
                "drawn": [{**_named(version), **_shown(one)} for version, one in drawn],
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
        else:
            self._print(found, everything, drawn, seed)
        if not all(one.is_held for _, one in everything):
            sys.exit(1)

    def _print(self, found: list[Found], everything: list[Any], drawn: list[Any], seed: int) -> None:
        for version, walked in found:
            self.stdout.write(f"{version.organisation.slug}, version {version.number}: {_sentence(walked)}")
            for one in walked:
                if not one.is_held:
                    why = "; ".join(one.lost.values()) or "it has no place and is not marked not_content"
                    self.stdout.write(f"  {one.passage['id']} is not held: {why}")
        self.stdout.write(f"total: {_sentence([one for _, one in everything])}")
        if drawn:
            self.stdout.write(f"\n{len(drawn)} drawn (--seed {seed})")
        for version, one in drawn:
            self.stdout.write(f"\n{one.passage['id']} ({version.organisation.slug}): {one.passage['text']}")
            for place, content in one.held.items():
                self.stdout.write(f"  {place}\n    {_written(content)}")
            for why in one.lost.values():
                self.stdout.write(f"  ! {why}")
            if one.not_content:
                self.stdout.write("  page furniture: no inventory content")


def _versions(options: dict[str, Any]) -> list[Version]:
    """The version asked for, of each organisation asked for."""
    organisations = Organisation.objects.order_by("slug")
    if options["organisation"] is not None:
        organisations = organisations.filter(slug=options["organisation"])
        if not organisations:
            raise CommandError(f"there is no organisation {options['organisation']!r}")
    found = []
    for organisation in organisations:
        versions = organisation.versions.order_by("-number")
        number = options["version"]
        versions = versions.standing() if number is None else versions.filter(number=number)
        version = versions.first()
        if version is not None:
            found.append(version)
    if not found:
        which = "" if options["version"] is None else f" {options['version']}"
        raise CommandError(f"no version{which} is published; manage.py load_samples publishes the samples")
    return found


def _named(version: Version) -> dict[str, Any]:
    return {"organisation": version.organisation.slug, "version": version.number}


def _counted(walked: list[Walked]) -> dict[str, Any]:
    return {
        "passages": len(walked),
        "held": sum(one.is_held for one in walked),
        "in_fields": sum(one.is_held and not one.not_content for one in walked),
        "page_furniture": sum(one.not_content for one in walked),
        "not_held": [one.passage["id"] for one in walked if not one.is_held],
    }


def _shown(one: Walked) -> dict[str, Any]:
    return {
        "notice": one.notice,
        "passage": one.passage["id"],
        "text": one.passage["text"],
        "not_content": one.not_content,
        "places": [{"place": place, "holds": content} for place, content in one.held.items()],
        "lost": list(one.lost.values()),
    }


def _sentence(walked: list[Walked]) -> str:
    told = _counted(walked)
    return "{held} of {passages} held: {in_fields} in a field, {page_furniture} page furniture".format(**told)


def _written(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
