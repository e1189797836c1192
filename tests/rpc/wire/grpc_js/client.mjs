// Calls every shape of method with @grpc/grpc-js, in raw bytes, and says as JSON what it heard.  client.mjs ADDRESS [CERTIFICATE OF THE AUTHORITY]
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
// The package is not beside this file: ES modules take no NODE_PATH, require does.
const grpc = createRequire(import.meta.url)('@grpc/grpc-js');

const [address, authority] = process.argv.slice(2);
const credentials = authority ? grpc.credentials.createSsl(readFileSync(authority)) : grpc.credentials.createInsecure();
const client = new grpc.Client(address, credentials);
const same = (value) => value;
const told = (error) => ({code: error.code, details: error.details});

const unary = (name, request, metadata = new grpc.Metadata(), options = {}) =>
  new Promise((resolve) => {
    let trailing = {};
    const call = client.makeUnaryRequest(`/test/${name}`, same, same, request, metadata, options, (error, answer) =>
      resolve(error ? told(error) : {code: 0, size: answer.length, text: answer.toString().slice(0, 50), trailing}));
    call.on('status', (status) => { trailing = status.metadata.getMap(); });
    if (options.cancelled) call.cancel();
  });

const heard = (call) =>
  new Promise((resolve) => {
    const messages = [];
    call.on('data', (message) => messages.push(message.toString()));
    call.on('error', () => {});
    call.on('status', (status) => resolve({...told(status), messages}));
  });

const streamed = (requests) => {
  const call = client.makeBidiStreamRequest('/test/Each', same, same);
  requests.forEach((request) => call.write(Buffer.from(request)));
  call.end();
  return heard(call);
};

const joined = (requests) =>
  new Promise((resolve) => {
    const call = client.makeClientStreamRequest('/test/Join', same, same, new grpc.Metadata(), {}, (error, answer) =>
      resolve(error ? told(error) : {code: 0, text: answer.toString()}));
    requests.forEach((request) => call.write(Buffer.from(request)));
    call.end();
  });

const pingPong = (words) =>
  new Promise((resolve) => {
    const call = client.makeBidiStreamRequest('/test/Each', same, same);
    const messages = [];
    const next = () => (words.length > messages.length ? call.write(Buffer.from(words[messages.length])) : call.end());
    call.on('data', (message) => { messages.push(message.toString()); next(); });
    call.on('status', (status) => resolve({...told(status), messages}));
    next();
  });

const soon = () => new Date(Date.now() + 50);
const gzip = new grpc.Client(address, credentials, {'grpc.default_compression_algorithm': 2});
const packed = () =>
  new Promise((resolve) => gzip.makeUnaryRequest('/test/Say', same, same, Buffer.alloc(100000), (error, answer) =>
    resolve(error ? told(error) : {code: 0, size: answer.length})));

const all = {
  empty: await unary('Say', Buffer.alloc(0)),
  large: await unary('Say', Buffer.alloc(300000)),
  many: (await Promise.all(Array.from({length: 200}, (_, n) => unary('Say', Buffer.from(`${n}`))))).map((one) => one.text),
  packed: await packed(),
  counted: await heard(client.makeServerStreamRequest('/test/Count', same, same, Buffer.from('5'))),
  joined: await joined(['a', 'b', 'c']),
  streamed: await streamed(['a', '', 'c']),
  pingPong: await pingPong(['one', 'two', 'three']),
  unimplemented: await unary('Never', Buffer.alloc(0)),
  late: await unary('Later', Buffer.from('a'), new grpc.Metadata(), {deadline: soon()}),
  cancelled: await unary('Later', Buffer.from('a'), new grpc.Metadata(), {cancelled: true}),
  afterwards: await unary('Say', Buffer.from('still')),
};
console.log(JSON.stringify(all));
process.exit(0); // a client that is closed keeps its process for as long as the call that was late is not forgotten
