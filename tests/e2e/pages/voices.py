"""What two people say on the telephone, spoken aloud: sound for the phones of the pictures' call."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

from cti.demo.components import find_japanese_voice, find_program

RATE_HZ = 8000  # what a telephone carries
# (pause before it in seconds, sentence). The caller's sound begins in the menu, the agent's with the answer.
CALLER: tuple[tuple[float, str], ...] = (
    (22.0, "あの、すみません。車のドアが開かなくて困っているんです。"),
    (4.5, "はい、高橋由美です。"),
    (3.5, "品川シーサイド駅前の、地下一階の十二番です。"),
    (4.0, "はい、やってみます。"),
    (3.0, "あ、開きました。ありがとうございます。"),
)
AGENT: tuple[tuple[float, str], ...] = (
    (0.6, "お電話ありがとうございます。架け橋カーシェアの佐藤でございます。"),
    (4.5, "それはお困りですね。お名前をフルネームでお願いいたします。"),
    (2.5, "高橋様、ありがとうございます。お車はどちらにございますか。"),
    (4.5, "確認いたしました。遠隔で解錠しますので、十秒ほどお待ちください。"),
    (4.0, "よかったです。どうぞお気をつけて。"),
)


def speak(lines: Sequence[tuple[float, str]], target: Path) -> Path:
    """Writes the sentences, each after its pause, as a WAV that a phone plays (mono, 16 bits, 8 kHz)."""
    voice, ffmpeg = find_japanese_voice(), find_program("ffmpeg")
    sound = bytearray()
    for number, (pause_s, sentence) in enumerate(lines):
        spoken = target.with_suffix(f".{number}.wav")
        jtalk = [str(voice.program), "-x", str(voice.dictionary), "-m", str(voice.voice), "-ow", str(spoken)]
        subprocess.run(jtalk, input=sentence.encode(), check=True)
        raw = ["-ar", str(RATE_HZ), "-ac", "1", "-f", "s16le", "-"]
        pcm = [str(ffmpeg), "-loglevel", "error", "-i", str(spoken), *raw]
        sound += bytes(2 * int(pause_s * RATE_HZ)) + subprocess.run(pcm, check=True, capture_output=True).stdout
        spoken.unlink()
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(bytes(sound))
    return target
