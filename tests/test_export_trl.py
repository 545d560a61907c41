"""A run's attempts as TRL's data: which attempts, in which rows, and that TRL's own trainers learn from them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.bench.trl_peers import need_trl
from pawl.errors import ConfigError, RunError
from pawl.export import export
from pawl.export_trl import KINDS, Choice, Kind, Typed, typed_rows
from pawl.ledger import GenerationRecord, Ledger
from pawl.models.opening import fresh_policy
from pawl.records import Attempt, Completion, Problem, Prompt, Verdict
from pawl.run_directory import RunDirectory

CHAT: Prompt = ({"role": "system", "content": "Count."}, {"role": "user", "content": "1+1="})
Said = tuple[str, float | None] | tuple[str, float | None, str]
"""A text, its score and, where it is not "stop", how it finished."""


def judged(*said: Said, problem: str = "p", prompt: Prompt | None = None) -> list[tuple[Attempt, Verdict]]:
    asked = Problem(problem, prompt or f"{problem}=", "train")
    none = np.zeros(0, np.int32)
    return [(Attempt(asked, index, none, Completion(text, none, np.zeros(0, np.float32),
                                                    finish[0] if finish else "stop")),  # type: ignore[arg-type]
             Verdict(score, "truth")) for index, (text, score, *finish) in enumerate(said)]


def rows(kind: Kind, *said: Said, **choice: Any) -> list[dict[str, Any]]:
    return typed_rows(kind, judged(*said), choice=Choice(**choice)).rows


def pairs(*said: Said, **choice: Any) -> list[tuple[str, str]]:
    return [(row["chosen"], row["rejected"]) for row in rows("dpo", *said, **choice)]


def test_sft_has_the_distinct_right_attempts() -> None:
    made = typed_rows("sft", judged(("b", 1.0), ("x", 0.0), ("a", 1.0), ("b", 1.0), ("h", 0.5), ("?", None)))
    assert made.rows == [{"prompt": "p=", "completion": "b"}, {"prompt": "p=", "completion": "a"}]
    assert made == Typed(made.rows, 1, 6, {"not right": 2, "repeated": 1, "without a score": 1})
    assert [row["completion"] for row in rows("sft", ("b", 1.0), ("h", 0.5), threshold=0.5)] == ["b", "h"]


def test_prompts_of_messages_have_messages_for_completions() -> None:
    those = judged(("2", 1.0), ("3", 0.0), prompt=CHAT)
    prompt, right, wrong = [dict(one) for one in CHAT], *([{"role": "assistant", "content": text}] for text in "23")
    assert typed_rows("sft", those).rows == [{"prompt": prompt, "completion": right}]
    assert typed_rows("dpo", those).rows == [{"prompt": prompt, "chosen": right, "rejected": wrong}]
    assert typed_rows("kto", those).rows[1] == {"prompt": prompt, "completion": wrong, "label": False}


def test_the_best_is_paired_with_the_worst_and_an_attempt_once() -> None:
    said = [("a", 1.0), ("x", 0.0), ("b", 1.0), ("y", 0.2), ("z", 0.0)]
    assert pairs(*said) == [("a", "x"), ("b", "z")]
    assert pairs(*said, uses=2) == [("a", "x"), ("a", "z"), ("b", "x"), ("b", "z")]
    assert pairs(*said, uses=2, pairs=1) == [("a", "x")]


def test_graded_attempts_are_paired_where_they_lie_apart() -> None:
    said = [("a", 0.9), ("b", 0.6), ("c", 0.3)]
    assert pairs(*said, margin=0.5) == [("a", "c")]
    assert pairs(*said, margin=0.25, uses=2) == [("a", "c"), ("a", "b"), ("b", "c")]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9), st.sampled_from([0.25, 0.5, 1.0]),
       st.integers(1, 4), st.integers(1, 3))
def test_pairs_keep_their_bounds_and_none_is_missed(scores: list[float], margin: float, most: int, uses: int) -> None:
    by_text = {f"t{place}": score for place, score in enumerate(scores)}
    try:
        made = pairs(*by_text.items(), margin=margin, pairs=most, uses=uses)
    except RunError:
        made = []
    counts = Counter(text for pair in made for text in pair)
    assert all(by_text[chosen] - by_text[rejected] >= margin for chosen, rejected in made)
    assert len(made) == len(set(made)) <= most and max(counts.values(), default=0) <= uses
    free = [(one, other) for one in by_text for other in by_text if by_text[one] - by_text[other] >= margin
            and (one, other) not in made and max(counts[one], counts[other]) < uses]
    assert len(made) == most or not free


def test_kto_has_right_and_wrong_ones_and_none_between() -> None:
    made = typed_rows("kto", judged(("a", 1.0), ("h", 0.7), ("x", 0.5)))
    assert [(row["completion"], row["label"]) for row in made.rows] == [("a", True), ("x", False)]
    assert made.left_out == {"neither right nor wrong": 1}


def labels(*said: Said) -> dict[str, list[bool]]:
    return {"\n".join(row["completions"]): row["labels"] for row in rows("stepwise", *said)}


def test_every_step_of_a_right_attempt_is_right() -> None:
    assert labels(("7*3=21\n\n21+3=24\n", 1.0)) == {"7*3=21\n21+3=24": [True, True]}


def test_the_last_step_is_wrong_where_a_right_attempt_goes_on_from_what_is_before_it() -> None:
    right, wrong = ("7*3=21\n21+3=24", 1.0), ("7*3=21\n21-3=18", 0.0)
    assert labels(right, wrong)["7*3=21\n21-3=18"] == [True, False]
    assert labels(right, ("7+7=14", 0.0))["7+7=14"] == [False]


@pytest.mark.parametrize(("wrong", "reason"), [
    (("7+3=10\n10+3=13", 0.0), "wrong at an unknown step"), (("7*3=21", 0.0), "wrong at an unknown step"),
    (("7*3=21\n21-", 0.0, "length"), "cut off"), (("7*3=21\n21-3=18", 0.7), "neither right nor wrong"),
])
def test_where_the_wrong_step_is_not_known_there_is_no_label(wrong: Said, reason: str) -> None:
    made = typed_rows("stepwise", judged(("7*3=21\n21+3=24", 1.0), wrong))
    assert (len(made.rows), made.left_out) == (1, {reason: 1})


def test_a_text_that_was_cut_off_once_and_finished_once_is_finished() -> None:
    made = typed_rows("stepwise", judged(("x", 0.0), ("x", 0.0, "length"), ("y", 0.0, "length"), ("y", 0.0)))
    assert [row["completions"] for row in made.rows] == [["x"], ["y"]]


def test_what_is_right_of_another_problem_vouches_for_nothing() -> None:
    both = judged(("a\nb", 1.0), problem="p") + judged(("a\nc", 0.0), problem="q")
    assert typed_rows("stepwise", both).left_out == {"wrong at an unknown step": 1}


def test_the_last_verdict_on_a_text_counts_over_generations() -> None:
    made = typed_rows("kto", judged(("a", 1.0), ("b", 0.0)) + judged(("a", 0.0), ("b", None)))
    assert [(row["completion"], row["label"]) for row in made.rows] == [("a", False), ("b", False)]
    assert made.left_out == {"repeated": 1, "without a score": 1}


def test_what_cannot_be_learnt_from_is_counted() -> None:
    failed = [(replace(attempt, error="sample: no"), verdict) for attempt, verdict in judged(("f", 1.0))]
    odd = judged(("", 1.0), (" \n", 1.0), ("\ud800", 1.0), ("a", 1.0))
    made = typed_rows("sft", [*failed, *odd, *judged(("a", 1.0), problem="q", prompt="\ud800")])
    assert (len(made.rows), made.left_out) == (1, {"empty": 2, "failed": 1, "no valid Unicode": 2})


@given(st.lists(st.tuples(st.sampled_from(["a", "b\nc", "b\nd", "", "\ud800", "b"]),
                          st.sampled_from([0.0, 0.4, 0.7, 1.0, None]), st.sampled_from(["stop", "length"])),
                max_size=12), st.sampled_from(KINDS))
def test_every_attempt_is_in_a_row_or_counted(said: list[Said], kind: Kind) -> None:
    try:
        made = typed_rows(kind, judged(*said))
    except RunError:
        return
    used = {json.dumps(row[name]) for row in made.rows for name in ("completion", "completions", "chosen", "rejected")
            if name in row}
    assert made.attempts == len(said) == len(used) + sum(made.left_out.values())


@pytest.mark.parametrize(("kind", "sentence"), [
    ("sft", "an export to sft must have an attempt with a score of 1 or more, got 2 attempts: 1 not right, 1 without"),
    ("dpo", "an export to dpo must have two attempts at one problem whose scores lie 0.5 apart, got 2 attempts: "),
    ("kto", "an export to kto must have an attempt with a score of 1 or more, or of 0.5 or less, got 2 attempts: "),
    ("stepwise", "an export to stepwise must have a right attempt, or a wrong one of which it is known"),
])
def test_an_export_of_nothing_says_what_would_be_needed(kind: Kind, sentence: str) -> None:
    with pytest.raises(RunError) as raised:
        typed_rows(kind, judged(("h", 0.7), ("?", None)))
    assert str(raised.value).startswith(sentence) and raised.value.hint


def test_prompts_of_both_forms_are_told() -> None:
    with pytest.raises(RunError, match="prompts must be all text or all messages to be one data set of TRL, got both"):
        typed_rows("sft", judged(("2", 1.0)) + judged(("2", 1.0), problem="q", prompt=CHAT))


@pytest.mark.parametrize("values", [{"threshold": 0.0}, {"threshold": 1.5}, {"margin": 0.0}, {"margin": math.nan},
                                    {"pairs": 0}, {"uses": 0}])
def test_a_choice_is_looked_at(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(values))} must"):
        Choice(**values)


# With TRL itself.

TEXT = [("7*3=21\n21+3=24", 1.0), ("7*3=21\n21-3=18", 0.0), ("3*7=21\n21+3=24", 1.0), ("7+3=10", 0.0)]


def make_run(directory: Path, prompt: Prompt | None) -> Path:
    """A run of two problems, with a checkpoint that transformers opens."""
    policy = fresh_policy(["0123456789+-*/= pq\n"], tokenizer="char", depth=1, context=64, seed=0)
    those = [pair for name in ("p", "q") for pair in judged(*TEXT, problem=name, prompt=prompt)]
    with RunDirectory.create(directory) as run:
        run.write_config({"recipe": "toy"})
        champion = run.store(policy.save, lambda path: "c0ffee")
        with Ledger.create(run.ledger_path, {"recipe": "toy"}) as ledger:
            ledger.set_base({}, {}, champion)
            ledger.commit(GenerationRecord(
                index=1, attempts=[attempt for attempt, _ in those], verdicts=[verdict for _, verdict in those],
                examples=[], evidence=None, contest_ids=[], decision=None, dropped="no", champion=champion,
                candidate=None, metrics={}, seconds={}, notes=[],
            ))  # fmt: skip
    return directory


@pytest.fixture(scope="module", params=["text", "messages"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("trl", reason="the trainers are TRL's")
    need_trl("a test")
    yield make_run(tmp_path_factory.mktemp("runs") / "run", CHAT if request.param == "messages" else None)


def loaded(run: Path, kind: Kind, out: Path) -> Any:
    """An export, read as TRL's users read it."""
    from datasets import load_dataset

    result = export(run, kind, out / kind)
    return load_dataset("json", data_files=result["files"], split="train", cache_dir=str(out / "cache"))


def settings(out: Path) -> dict[str, Any]:
    return {"output_dir": str(out / "trained"), "max_steps": 1, "per_device_train_batch_size": 2, "use_cpu": True,
            "bf16": False, "report_to": "none", "save_strategy": "no", "logging_steps": 1, "disable_tqdm": True,
            "gradient_checkpointing": False}


def opened(run: Path) -> tuple[Any, Any]:
    """The run's champion, and its tokenizer with a template for messages."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    directory = run / "checkpoints" / "c0ffee"
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokenizer.chat_template = ("{% for message in messages %}{{ message['content'] }}{% endfor %}"
                               "{% if add_generation_prompt %}{% endif %}")
    return AutoModelForCausalLM.from_pretrained(directory), tokenizer


@pytest.mark.parametrize("kind", ["sft", "dpo", "kto"])
def test_a_trainer_of_trl_takes_a_step_on_an_export_as_it_is(run: Path, kind: Kind, tmp_path: Path) -> None:
    import trl

    make, config = {"sft": (trl.SFTTrainer, trl.SFTConfig), "dpo": (trl.DPOTrainer, trl.DPOConfig),
                    "kto": (trl.KTOTrainer, trl.KTOConfig)}[kind]
    model, tokenizer = opened(run)
    trainer = make(model=model, args=config(**settings(tmp_path)), processing_class=tokenizer,
                   train_dataset=loaded(run, kind, tmp_path))
    trainer.train()
    [loss] = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    assert math.isfinite(loss) and loss != 0


def test_the_result_of_an_export_says_how_much_it_is(run: Path, tmp_path: Path) -> None:
    result = export(run, "sft", tmp_path / "out")
    assert [Path(file).name for file in result["files"]] == ["sft.jsonl"]
    assert {name: result[name] for name in ("rows", "problems", "attempts", "left_out")} == {
        "rows": 4, "problems": 2, "attempts": 8, "left_out": {"not right": 4}}


def test_stepwise_data_have_trls_columns_and_types(run: Path, tmp_path: Path) -> None:
    from datasets import List, Value
    from trl.data_utils import get_dataset_column_names, is_conversational

    data = loaded(run, "stepwise", tmp_path)
    assert get_dataset_column_names(data) == ["prompt", "completions", "labels"]
    assert data.features["completions"] == List(Value("string")) and data.features["labels"] == List(Value("bool"))
    assert all(len(row["completions"]) == len(row["labels"]) for row in data)
    assert data[1] == {"prompt": data[0]["prompt"], "completions": ["7*3=21", "21-3=18"], "labels": [True, False]}
    assert data[0]["prompt"] in ("p=", "Count.\n1+1=")  # stepwise data of TRL are text
    assert is_conversational(loaded(run, "sft", tmp_path)[0]) == (data[0]["prompt"] != "p=")


def test_the_prm_trainer_of_an_older_trl_takes_a_step_on_stepwise_data(run: Path, tmp_path: Path) -> None:
    prm = pytest.importorskip("trl.experimental.prm", reason="this TRL has no trainer of process reward models")
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(run / "checkpoints" / "c0ffee", num_labels=2)
    trainer = prm.PRMTrainer(model=model, args=prm.PRMConfig(**settings(tmp_path)), processing_class=opened(run)[1],
                             train_dataset=loaded(run, "stepwise", tmp_path))
    trainer.train()
    [loss] = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    assert math.isfinite(loss) and loss != 0
