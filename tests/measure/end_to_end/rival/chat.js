// A chat as a team would write it with Express, Socket.IO 4 and Redis: the same REST API as Senna's, in the data layout of its Node.js predecessor.
// Measurements compare Senna with it.
//
// node chat.js REDIS_PORT SECRET; prints its port. Run two of them, as in production: Socket.IO's adapter connects them through Redis.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { createAdapter } from '@socket.io/redis-adapter';
import express from 'express';
import jwt from 'jsonwebtoken';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const [redisPort, secret] = process.argv.slice(2);
const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` });
const subscriber = redis.duplicate();
await Promise.all([redis.connect(), subscriber.connect()]);

const app = express();
const server = createServer(app);
const io = new Server(server, { adapter: createAdapter(redis, subscriber), transports: ['websocket'] });
const userOf = (token) => jwt.verify(token, secret, { algorithms: ['HS256'] }).user_id;

io.use((socket, next) => {
  try {
    socket.data.user = userOf(socket.handshake.auth.token);
    next();
  } catch (error) {
    next(error);
  }
});
io.on('connection', (socket) => {
  socket.join([`user-${socket.data.user}`, ...socket.handshake.auth.topics.map((topic) => `topic-${topic}`)]);
});

app.use(express.json({ limit: '1mb' }));
app.use((request, response, next) => {
  try {
    request.user = userOf(request.get('X-Auth-Token'));
    next();
  } catch {
    response.status(401).json({ code: 'INVALID_TOKEN_ERR' });
  }
});

const key = (...parts) => ['rival', 'messages', 'site', ...parts].join(':');
const direct = (one, other) => key('dm', [String(one), String(other)].sort().join('-'));
const conversation = (user, { target, id }) => (target === 'topic' ? key('topic', id) : direct(user, id));
const page = (query) => ({ number: Number(query.page ?? 1), size: Number(query.limit ?? 10) });

/** The newest message of each of these conversations. */
async function newest(keys) {
  const ids = await Promise.all(keys.map((key) => redis.lIndex(key, -1)));
  const messages = await Promise.all(keys.map((key, at) => ids[at] && redis.hGet(`${key}:data`, ids[at])));
  return messages.map((message) => message && JSON.parse(message));
}

app.get('/api/list', async (request, response) => {
  const { number, size } = page(request.query);
  const inbox = await redis.zRangeWithScores(key('inbox', request.user), 0, -1, { REV: true });
  const shown = inbox.slice((number - 1) * size, number * size).map(({ value, score }) => {
    const [target, id] = value.split(/-(.*)/);
    return { type: target, id, timestamp: new Date(score).toISOString() };
  });
  const latest = await newest(shown.map(({ type, id }) => conversation(request.user, { target: type, id })));
  const state = { page: number, per_page: size, total: inbox.length, total_pages: Math.ceil(inbox.length / size) };
  response.json({ state, entries: shown.map((entry, at) => ({ ...entry, latest: latest[at] })) });
});

app.get('/api/:target/:id', async (request, response) => {
  const { number, size } = page(request.query);
  const list = conversation(request.user, request.params);
  const ids = await redis.lRange(list, -number * size, -(number - 1) * size - 1);
  const messages = ids.length > 0 ? await redis.hmGet(`${list}:data`, ids) : [];
  const state = { page: number, per_page: size, total: messages.length };
  response.json({ state, messages: messages.filter(Boolean).map((message) => JSON.parse(message)) });
});

app.post('/api/:target/:id', async (request, response) => {
  const { user, params } = request;
  const message = { id: randomUUID(), author: user, timestamp: new Date().toISOString(), type: 'text', text: request.body.text };
  const list = conversation(user, params);
  const now = Date.now();
  const writing = redis
    .multi()
    .hSet(`${list}:data`, message.id, JSON.stringify(message))
    .rPush(list, message.id)
    .hSet(key('activity', user), 'last_active', String(now))
    .zAdd(key('inbox', user), { score: now, value: `${params.target}-${params.id}` });
  if (params.target === 'user') writing.zAdd(key('inbox', params.id), { score: now, value: `user-${user}` });
  await writing.exec();
  response.status(201).json({ entry: message });
  const rooms = params.target === 'topic' ? [`topic-${params.id}`] : [`user-${params.id}`, `user-${user}`];
  io.to(rooms).emit('new-message', message);
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
// It ends with whoever started it.
process.stdin.on('end', () => process.exit()).resume();
