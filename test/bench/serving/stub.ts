/**
 * A stand-in for a model server: answers inference after a fixed latency, by a fixed number of slots, and is ready
 * for every version. Usage: stub.ts PORT LATENCY_MS SLOTS
 */
import { createServer, type ServerResponse } from "node:http";

const [port = 0, latencyMs = 20, slots = 16] = process.argv.slice(2).map(Number);
const waiting: ServerResponse[] = [];
let busy = 0;
const body = JSON.stringify({ outputs: [] });

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
  if (request.method === "GET") response.end("{}");
  else if (busy < slots) begin(response);
  else waiting.push(response);
});
server.listen(port, "127.0.0.1");
