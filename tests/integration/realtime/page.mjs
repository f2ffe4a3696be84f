// A page with the Socket.IO JavaScript client: `node --experimental-websocket page.mjs <client> <url> <token>`.
// Standard input: lines [event, ...arguments]; standard output: lines [event, ...arguments] of what it heard,
// "connect", "disconnect" and ["ack", event, answer] among them.
import { createInterface } from "node:readline";

const [clientPath, url, token] = process.argv.slice(2);
const { io } = await import(clientPath);
const say = (...line) => process.stdout.write(JSON.stringify(line) + "\n");

const socket = io(url, { auth: { token }, transports: ["websocket"], reconnection: false });
socket.on("connect", () => say("connect"));
socket.on("connect_error", (error) => say("connect_error", error.message, error.data));
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.onAny((event, ...rest) => say(event, ...rest));

for await (const line of createInterface({ input: process.stdin })) {
  const [event, ...rest] = JSON.parse(line);
  socket.emit(event, ...rest, (answer) => say("ack", event, answer));
}
socket.disconnect();
