"""What a request may ask for in its query, with the defaults of the command line."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hairseg.color import parse_color
from hairseg.errors import UsageError
from hairseg.kinds import Edge


def _a_color(text: str) -> str:
    """Refuse what is no colour before any work starts."""
    try:
        parse_color(text)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return text


Share = Annotated[float, Field(ge=0, le=1)]
ColorText = Annotated[
    str,
    AfterValidator(_a_color),
    Field(max_length=100, description='"#rrggbb", a CSS name or a swatch such as "honey blonde".'),
]
EdgeChoice = Annotated[
    Edge, Field(description="hard: hair or not. soft: shares of hair that follow single strands.")
]


class Find(BaseModel):
    """How hair is found."""

    model_config = ConfigDict(extra="forbid")

    threshold: Annotated[
        Share | None, Field(description="A probability from here on is hair; the model's own by default.")
    ] = None
    min_area: Annotated[
        Share, Field(description="Pieces below this share of the photo's area are dropped.")
    ] = 0.0
    fill_holes: Annotated[bool, Field(description="Background that hair encloses counts as hair.")] = False


class Mask(Find):
    """``POST /mask``."""

    edge: EdgeChoice = "hard"


class Cutout(Find):
    """``POST /cutout``."""

    edge: EdgeChoice = "soft"


class Overlay(Find):
    """``POST /overlay``."""

    color: ColorText = "#e5484d"
    strength: Annotated[Share, Field(description="Opacity of the colour.")] = 0.5
    edge: EdgeChoice = "hard"


class Recolor(Find):
    """``POST /recolor``."""

    color: ColorText
    strength: Annotated[Share, Field(description="0 leaves the photo, 1 gives the colour itself.")] = 1.0
    tips: Annotated[ColorText | None, Field(description="A second colour, at the ends.")] = None
    lift: Annotated[
        Share, Field(description="How far the lightness follows: 1 bleaches black hair, 0 only tints.")
    ] = 1.0
    edge: EdgeChoice = "soft"
