"""Holds recorded exchanges with model servers against the providers' official SDKs, in three ways:

- the request body fits the SDK's own types, with nothing those do not know;
- the SDK, asked for the same, sends the very same body to the very same path;
- the scripted server's reply is what the SDK reads as its typed response, with nothing it does not know.
"""

import json
import sys
import threading
import types
import typing
from http.server import BaseHTTPRequestHandler, HTTPServer

import groq
import openai
from google import genai
from google.genai import types as gemini
from groq.types.chat import ChatCompletion as GroqCompletion
from groq.types.chat import completion_create_params as groq_params
from openai.types.chat import ChatCompletion
from openai.types.chat import completion_create_params as openai_params
from pydantic import TypeAdapter

wrong = []


class Server(BaseHTTPRequestHandler):
    """Keeps what it is asked and answers as it is told."""

    reply: dict = {}
    asked: dict = {}

    def do_POST(self):
        length = int(self.headers["content-length"])
        type(self).asked = {"path": self.path, "body": json.loads(self.rfile.read(length))}
        body = json.dumps(type(self).reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def unknown(value, path="") -> list[str]:
    """Fields that a typed value carries beside those it declares."""
    if isinstance(value, list):
        return [name for item in value for name in unknown(item, path)]
    if not hasattr(value, "model_fields_set"):
        return []
    found = [f"{path}.{name}" for name in (value.model_extra or {})]
    for name in value.__class__.model_fields:
        found += unknown(getattr(value, name), f"{path}.{name}")
    return found


def undeclared(value, kind, path="") -> list[str]:
    """Keys of a body that no TypedDict the value fits declares, at any depth."""
    if isinstance(value, list):
        item = next((a for a in getattr(kind, "__args__", ())), None)
        return [name for v in value for name in undeclared(v, item, path + "[]")]
    if not isinstance(value, dict):
        return []
    options = [k for k in alternatives(kind) if hasattr(k, "__annotations__")]
    if not options:  # a free-form object, such as a schema
        return []
    return min((missing(value, option, path) for option in options), key=len)


def missing(value, option, path) -> list[str]:
    hints = typing.get_type_hints(option)
    found = [f"{path}.{key}" for key in value if key not in hints]
    for key, inner in value.items():
        if key in hints:
            found += undeclared(inner, hints[key], f"{path}.{key}")
    return found


def alternatives(kind) -> list:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType, typing.Annotated, typing.Required, typing.NotRequired):
        return [a for arg in typing.get_args(kind) for a in alternatives(arg)]
    return [kind]


def differing(ours, theirs, path="") -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        # Google's servers take both spellings of a name, and its SDK sends some fields in the one, some in the other.
        theirs = {camel(key) if camel(key) in ours else key: value for key, value in theirs.items()}
        keys = sorted(ours.keys() | theirs.keys())
        return [d for key in keys for d in differing(ours.get(key), theirs.get(key), f"{path}.{key}")]
    return [] if ours == theirs else [f"{path}: ours {ours!r:.80}, the SDK's {theirs!r:.80}"]


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def check_gemini(exchange, port):
    body, reply = exchange["request"], exchange["reply"]
    # Each part by its type; unknown names are refused by the types themselves.
    for content in body["contents"]:
        gemini.Content.model_validate(content)
    gemini.Content.model_validate(body["systemInstruction"])
    gemini.GenerationConfig.model_validate(body["generationConfig"])
    yield from unknown(gemini.GenerateContentResponse.model_validate(reply))
    client = genai.Client(
        api_key="k", http_options=gemini.HttpOptions(base_url=f"http://127.0.0.1:{port}", api_version="v1beta")
    )
    config = gemini.GenerateContentConfig.model_validate(
        body["generationConfig"] | {"systemInstruction": body["systemInstruction"]}
    )
    contents = [gemini.Content.model_validate(c) for c in body["contents"]]
    typed = client.models.generate_content(model=exchange["model"], contents=contents, config=config)
    said = reply["candidates"][0]["content"]["parts"][0]["text"]
    if typed.text != said:
        yield f"the SDK reads another text: {typed.text!r}"


def check_chat(exchange, port, sdk, params, completion):
    body, reply = exchange["request"], exchange["reply"]
    TypeAdapter(params).validate_python(body)
    yield from undeclared(body, params)
    # Groq's SDK adds the path of its API by itself.
    api = "/openai/v1" if sdk is openai.OpenAI else ""
    client = sdk(api_key="k", base_url=f"http://127.0.0.1:{port}{api}", max_retries=0)
    typed = client.chat.completions.create(**body)
    if exchange["status"] == 200:
        yield from unknown(completion.model_validate(reply, strict=True))
        if typed.choices[0].message.content != reply["choices"][0]["message"]["content"]:
            yield "the SDK reads another text"


def main(path):
    exchanges = json.load(open(path))
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    some = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    for exchange in exchanges:
        name = f"{exchange['provider']} {exchange['model']}"
        Server.reply = exchange["reply"] if exchange["status"] == 200 else some
        try:
            if exchange["provider"] == "gemini":
                found = list(check_gemini(exchange, port))
            elif exchange["provider"] == "groq":
                kind = groq_params.CompletionCreateParams
                found = list(check_chat(exchange, port, groq.Groq, kind, GroqCompletion))
            else:
                kind = openai_params.CompletionCreateParamsNonStreaming
                found = list(check_chat(exchange, port, openai.OpenAI, kind, ChatCompletion))
            if Server.asked.get("path") != exchange["path"]:
                found.append(f"path: ours {exchange['path']}, the SDK's {Server.asked.get('path')}")
            found += differing(exchange["request"], Server.asked.get("body"))
        except Exception as error:  # a type that does not fit is what this looks for
            found = [f"{type(error).__name__}: {error}"]
        wrong.extend(f"{name}: {what}" for what in found)
    versions = f"google-genai {genai.__version__}, groq {groq.__version__}, openai {openai.__version__}"
    print(f"{len(exchanges)} exchanges against {versions}: {len(wrong)} differ")
    for line in wrong:
        print(f"  {line}")
    return 1 if wrong or len(exchanges) < 15 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
