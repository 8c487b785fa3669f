/**
 * A stand-in for Triton and for vLLM: answers inference after a fixed latency, by a fixed number of slots, and is
 * ready for every version of Triton's and for the adapter docs-v1. Usage: stub.ts PORT LATENCY_MS SLOTS
 */
import { createServer, type ServerResponse } from "node:http";

const [port = 0, latencyMs = 20, slots = 16] = process.argv.slice(2).map(Number);
const waiting: ServerResponse[] = [];
let busy = 0;
const body = JSON.stringify({ outputs: [] });
const models = JSON.stringify({ data: [{ id: "base@1" }, { id: "docs-v1", parent: "base@1" }] });

function begin(response: ServerResponse): void {
  busy++;
  setTimeout(() => {
    busy--;
    response.setHeader("content-type", "application/json");
    response.end(body);
    const next = waiting.shift();
    if (next !== undefined) begin(next);
  }, latencyMs);
}

const server = createServer((request, response) => {
  request.resume();
  if (request.method === "GET") response.end(request.url === "/v1/models" ? models : "{}");
  else if (busy < slots) begin(response);
  else waiting.push(response);
});
server.listen(port, "127.0.0.1");
