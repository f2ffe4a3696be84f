// A page with the Socket.IO JavaScript client: `node --experimental-websocket page.mjs <client> <url> <token>`.
// Standard input: lines [event, ...arguments] to send; standard output: lines [event, ...arguments] it received,
// "connect", "disconnect" and ["ack", event, answer] among them.
import { createInterface } from "node:readline";

const [clientPath, url, token] = process.argv.slice(2);
const { io } = await import(clientPath);
const report = (...line) => process.stdout.write(JSON.stringify(line) + "\n");

const socket = io(url, { auth: { token }, transports: ["websocket"], reconnection: false });
socket.on("connect", () => report("connect"));
socket.on("connect_error", (error) => report("connect_error", error.message, error.data));
socket.on("disconnect", (reason) => report("disconnect", reason));
socket.onAny((event, ...rest) => report(event, ...rest));

for await (const line of createInterface({ input: process.stdin })) {
  const [event, ...rest] = JSON.parse(line);
  socket.emit(event, ...rest, (answer) => report("ack", event, answer));
}
socket.disconnect();
