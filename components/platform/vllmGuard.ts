/** Keeps everybody but the reconciler from changing what a vLLM server serves. */

/** Where vLLM's `--middleware` finds it. */
export const vllmGuard = { file: "mlops_guard.py", middleware: "mlops_guard.Guard" } as const;

/**
 * A middleware of vLLM's server. Inference and administration share a port, which a NetworkPolicy can only open or
 * close; and vLLM's own key covers neither all ways to load an adapter nor only those. Without the word of
 * MLOPS_VLLM_ADMIN_TOKEN, only what inference and monitoring need passes; whatever else the server learns to do is
 * closed. It refuses to start without a word.
 */
export const vllmGuardSource = `import hmac
import os

OPEN = {
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("GET", "/ping"),
    ("GET", "/version"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("POST", "/tokenize"),
}
DENIED = b'{"error":{"message":"only the reconciler may do this","type":"forbidden","code":403}}'


class Guard:
    def __init__(self, app):
        word = os.environ["MLOPS_VLLM_ADMIN_TOKEN"]
        if word == "":
            raise RuntimeError("MLOPS_VLLM_ADMIN_TOKEN is empty: anybody could load adapters")
        self.app = app
        self.expected = f"Bearer {word}".encode()

    def allows(self, scope):
        if (scope.get("method"), scope.get("path")) in OPEN:
            return True
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        return hmac.compare_digest(given, self.expected)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan" or self.allows(scope):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": DENIED})
`;
