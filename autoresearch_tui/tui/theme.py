"""The cockpit's themes: for dark rooms and bright ones, and for eyes that see fewer colours."""

from dataclasses import replace

from textual.theme import Theme

DARK = Theme(
    name="autoresearch-dark",
    primary="#7aa2c8",
    secondary="#9a8fc0",
    accent="#d7a65f",
    warning="#d7a65f",
    error="#e06c75",
    success="#7fbf7f",
    foreground="#c8ccd4",
    background="#14161a",
    surface="#191c21",
    panel="#23272e",
    dark=True,
    variables={
        "border": "#343a44",
        "border-blurred": "#2b3038",
        "footer-background": "#191c21",
        "footer-key-foreground": "#d7a65f",
        "footer-description-foreground": "#9aa1ad",
        "quiet": "#7d8592",
        "cursor-row": "#2a3442",
    },
)

LIGHT = Theme(
    name="autoresearch-light",
    primary="#2a5d8f",
    secondary="#5d4a94",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b3261e",
    success="#1f6f2f",
    foreground="#22262c",
    background="#fbfbf9",
    surface="#f3f3ef",
    panel="#e6e6e0",
    dark=False,
    variables={
        "border": "#bfc2c7",
        "border-blurred": "#d6d8db",
        "footer-background": "#f3f3ef",
        "footer-key-foreground": "#8a5a00",
        "footer-description-foreground": "#4c525b",
        "quiet": "#667080",
        "cursor-row": "#d9e4f0",
    },
)

SAFE_DARK = replace(
    DARK,
    name="autoresearch-colour-blind-dark",
    primary="#b8bfca",
    secondary="#b8bfca",
    accent="#f0e442",
    warning="#f0e442",
    error="#e8602c",
    success="#3fa7f0",
    variables={**DARK.variables, "footer-key-foreground": "#f0e442"},
)
"""Blue is good and vermilion bad, after Okabe and Ito ("Color Universal Design", 2008)."""

SAFE_LIGHT = replace(
    LIGHT,
    name="autoresearch-colour-blind-light",
    primary="#4a525e",
    secondary="#4a525e",
    accent="#906a00",
    warning="#906a00",
    error="#7a1f00",
    success="#1f6fd0",
    variables={**LIGHT.variables, "footer-key-foreground": "#906a00"},
)

THEMES = {each.name: each for each in (DARK, LIGHT, SAFE_DARK, SAFE_LIGHT)}

_OTHERS = {DARK.name: LIGHT.name, SAFE_DARK.name: SAFE_LIGHT.name}


def counterpart(theme: Theme) -> str:
    """The theme for the other sort of room, for the same eyes."""
    known = _OTHERS | {light: dark for dark, light in _OTHERS.items()}
    return known.get(theme.name, LIGHT.name if theme.dark else DARK.name)
