"""What nvidia-smi prints, in words."""

from autoresearch_tui.backends.skypilot.telemetry import gpu_words


def test_one_gpu_and_several():
    assert gpu_words(["97, 45060, 81559, 63, 650.10"]) == "97 % 44/80 GB 63 °C 650 W"
    two = ["100, 40960, 81920, 60, 600", "50, 0, 81920, 71, 100"]
    assert gpu_words(two) == "2 GPUs 75 % 40/160 GB 71 °C 700 W"


def test_what_a_card_does_not_tell_and_what_is_no_reading():
    assert gpu_words(["12, 100, 8192, 40, [N/A]"]) == "12 % 0/8 GB 40 °C 0 W"
    assert gpu_words([]) == gpu_words(["No devices were found"]) == gpu_words(["a,b,c,d,e"]) == ""
