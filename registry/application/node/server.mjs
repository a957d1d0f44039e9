// A server that answers every request. Its configuration is the environment: PORT.
// `node server.mjs --check` exits with 0 if the server answers; the health check of the image runs it.
import { createServer } from 'node:http';

const port = Number(process.env.PORT ?? 8080);

if (process.argv.includes('--check')) {
  const { ok } = await fetch(`http://127.0.0.1:${port}/`);
  process.exitCode = ok ? 0 : 1;
} else {
  const server = createServer((_request, response) => response.end('ready\n'));
  server.listen(port);
  process.once('SIGTERM', () => server.close());
}
