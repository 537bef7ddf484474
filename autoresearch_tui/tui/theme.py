"""The two themes of the cockpit, one for dark rooms and one for bright ones."""

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
