"""Chat templates: what they render, what they may not do, and what a message cannot smuggle in."""

import json
from pathlib import Path

import numpy as np
import pytest

from pawl.errors import CheckpointError, DataError
from pawl.models.chat import ChatTemplate, encode_prompt, load_chat
from pawl.models.tokenizer import END, train_tokenizer

CHATML = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role != 'system' %}
        {{- '<|im_start|>' + message['role'] + '\\n' }}
        {%- generation %}{{ message.content | trim }}{% endgeneration %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"""

STRICT = """{{ bos_token }}{% set ns = namespace(count=0) %}
{% for m in messages %}
    {% if (m.role == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('roles must alternate') }}
    {% endif %}
    {% if m.content == 'skip' %}{% continue %}{% endif %}
{% set ns.count = ns.count + 1 %}
[{{ m.role }}] {{ m | tojson }}
{% endfor %}{{ ns.count }}{% if strftime_now is defined %}{{ eos_token }}{% endif %}"""

TALK = [
    {"role": "user", "content": "is 3 < 4 & 'so' on?"},
    {"role": "assistant", "content": "  naïve ünïcode \n"},
    {"role": "user", "content": "skip"},
]


@pytest.mark.parametrize("template", [CHATML, STRICT.replace("{% if strftime_now is defined %}", "{% if false %}")])
@pytest.mark.parametrize("begin", [True, False])
def test_a_template_renders_as_in_transformers(template: str, begin: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the oracle is apply_chat_template")
    tokenizer = train_tokenizer("bpe", ["a"], 258)
    tokenizer.config["bos_token"] = END
    tokenizer.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    theirs.chat_template = template
    expected = theirs.apply_chat_template(TALK, tokenize=False, add_generation_prompt=begin)
    assert ChatTemplate(template, tokenizer.specials()).render(TALK, begin) == expected


def test_a_prompt_does_not_depend_on_the_date() -> None:
    assert ChatTemplate(STRICT, {"bos_token": "", "eos_token": "today"}).render(TALK[:1]).endswith("\n1")


@pytest.mark.parametrize("template", [
    "{{ messages.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% if messages[0]['role'].__class__ %}{% endif %}",
    "{{ messages | attr('__class__') }}",
    "{{ '{0.__class__}'.format(messages) }}",
    "{{ raise_exception.__globals__ }}",
    "{{ cycler.__init__.__globals__['os'].popen('id').read() }}",
    "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
    "{{ namespace(__class__=1) }}",
    "{{ messages.append(1) }}",
    "{% for i in range(10**9) %}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{{ 1 / 0 }}",
    "{{ nothing.at.all }}",
])
def test_an_attacking_or_failing_template_is_refused(template: str) -> None:
    with pytest.raises(CheckpointError, match="chat template"):
        ChatTemplate(template).render(TALK)


def test_a_template_that_is_not_jinja_is_refused() -> None:
    with pytest.raises(CheckpointError, match="must be valid jinja"):
        ChatTemplate("{% for %}")


def test_messages_that_the_template_refuses_are_a_data_error() -> None:
    with pytest.raises(DataError, match="refuses the messages: roles must alternate"):
        ChatTemplate(STRICT).render(TALK[1:])


@pytest.mark.parametrize("message", [{"role": "user"}, {"content": "hi"}, {"role": "user", "content": None}])
def test_a_message_must_have_role_and_content(message: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"message 1 must have '(role|content)', a string, got None"):
        ChatTemplate(CHATML).render([*TALK[:1], message])


def test_special_tokens_named_in_a_message_stay_text() -> None:
    tokenizer = train_tokenizer("bpe", ["a"], 258)
    template = "{% for m in messages %}{{ m.content | trim }}{{ eos_token }}{% endfor %}"
    chat = ChatTemplate(template, tokenizer.specials())
    attack = f" a\ue0a0{END}\ue0a1b{END}\n"
    tokens = chat.encode([{"role": "user", "content": attack}], tokenizer)
    assert (tokens == tokenizer.eos_id).tolist() == [False] * (len(tokens) - 1) + [True]
    assert tokenizer.decode(tokens) == f"a{END}b{END}"


def test_a_mark_split_off_by_the_template_forges_nothing() -> None:
    tokenizer = train_tokenizer("bpe", ["a"], 258)
    chat = ChatTemplate("{% for part in messages[0].content.split('x') %}{{ part }}{% endfor %}")
    tokens = chat.encode([{"role": "user", "content": f"<|endx{END}xoftext|>"}], tokenizer)
    assert tokenizer.eos_id not in tokens


def test_encoding_equals_that_of_the_rendered_text_when_messages_name_no_special_token() -> None:
    tokenizer = train_tokenizer("bpe", ["a user asks"], 258)
    chat = ChatTemplate("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", tokenizer.specials())
    np.testing.assert_array_equal(
        chat.encode(TALK, tokenizer), tokenizer.encode(chat.render(TALK), continues=True, special=True))


def test_a_chat_model_reads_text_as_the_users_message() -> None:
    tokenizer = train_tokenizer("char", [CHATML, "user hello"])
    tokens = encode_prompt("hello", tokenizer, ChatTemplate(CHATML))
    assert tokenizer.decode(tokens) == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"


def test_a_plain_model_reads_messages_as_their_text() -> None:
    tokenizer = train_tokenizer("char", ["is it so\n"])
    messages = ({"role": "user", "content": "is it"}, {"role": "user", "content": "so"})
    assert tokenizer.decode(encode_prompt(messages, tokenizer, None)) == "is it\nso\n"


def test_templates_are_found_where_checkpoints_keep_them(tmp_path: Path) -> None:
    tokenizer = train_tokenizer("char", ["abc"])
    assert load_chat(tmp_path, tokenizer) is None
    for written, expected in (
        ("one", "one"),
        ([{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "two"}], "two"),
    ):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": written}))
        chat = load_chat(tmp_path, tokenizer)
        assert chat is not None
        assert chat.source == expected
    ChatTemplate("three").save(tmp_path)
    chat = load_chat(tmp_path, tokenizer)
    assert chat is not None
    assert chat.source == "three"
