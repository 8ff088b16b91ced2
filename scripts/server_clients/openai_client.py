"""Uses a server with OpenAI's Python client.

    python openai_client.py http://127.0.0.1:8080/v1 demo
"""

import sys

import openai

url, model = sys.argv[1:]
client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)

ask = {"model": model, "prompt": "ROMEO:", "max_tokens": 8, "seed": 1}
text = client.completions.create(**ask).choices[0].text
parts = client.completions.create(**ask, stream=True, stream_options={"include_usage": True})
chunks = list(parts)
assert "".join(c.choices[0].text for c in chunks if c.choices) == text
assert chunks[-1].usage.completion_tokens == 8

echo = client.completions.create(**ask, echo=True, logprobs=2, n=2)
for choice in echo.choices:
    log = choice.logprobs
    assert log.token_logprobs[0] is None and len(log.tokens) == len(log.text_offset)
    for offset, token in zip(log.text_offset, log.tokens):
        assert choice.text[offset:].startswith(token) or token.startswith("bytes:")

assert [m.id for m in client.models.list()] == [model]
for wrong, error in [
    ({"temperature": -1}, openai.BadRequestError),
    ({"model": "gpt-4"}, openai.NotFoundError),
]:
    try:
        client.completions.create(**{**ask, **wrong})
        raise AssertionError(f"{wrong} was accepted")
    except error as e:
        assert e.body["message"]
try:
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
    raise AssertionError("chat was accepted")
except openai.NotFoundError as e:
    assert "no chat format" in str(e)

stream = client.completions.create(**{**ask, "max_tokens": 200}, stream=True)
next(iter(stream))
stream.close()
print(f"openai {openai.__version__} (Python): {text!r}, streamed, with log-probabilities, errors, stopped")
