// A Fluentd receiver: prints each event as a line of JSON, the port first. Ends with its input.
//
// usage: node receiver.js MODULES [PORT]
const path = require("path");
const { FluentServer } = require(path.join(process.argv[2], "@fluent-org/logger"));

const server = new FluentServer({
  listenOptions: { host: "127.0.0.1", port: Number(process.argv[3] || 0) },
});
server.on("entry", (tag, time, record) => {
  console.log(JSON.stringify({ tag, time: String(time), record }));
});
server.listen().then(() => console.log(JSON.stringify({ port: server.port })));
process.stdin.on("end", () => process.exit(0)).resume();
