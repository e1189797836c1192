// Reports a fault to error_daemon, in JavaScript: @grpc/grpc-js, and the messages as they stand in proto/, loaded when it starts.
//
//     node report.mjs ADDRESS COMPONENT MESSAGE
//
// It prints the id of the error that the fault is of. An answer means that the fault is safe; where the daemon says RESOURCE_EXHAUSTED or is
// not there, the fault has to be sent again later.
import {createRequire} from 'node:module';
import {hostname} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const require = createRequire(import.meta.url); // finds packages by NODE_PATH, too
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, component, message] = process.argv.slice(2);
const proto = process.env.PROTO ?? join(dirname(fileURLToPath(import.meta.url)), '../../../proto');
const loaded = loader.loadSync('error_recovery/v1/fault.proto', {includeDirs: [proto], keepCase: true, enums: String, longs: String});
const {FaultService} = grpc.loadPackageDefinition(loaded).error_recovery.v1;
const faults = new FaultService(address, grpc.credentials.createInsecure());

/** What went wrong, as the daemon wants it: frames outermost first, those of the application marked. */
function faultOf(error) {
  const frames = [...(error.stack ?? '').matchAll(/^\s+at (?:(.*?) \()?(?:file:\/\/)?(.*?):(\d+):\d+\)?$/gm)].map(([, name, file, line]) => ({
    function: name ?? '',
    file,
    line: Number(line),
    in_application: !file.startsWith('node:') && !file.includes('node_modules'),
  }));
  return {
    type: 'ERROR_TYPE_DATA',
    message: error.message,
    exception: {type: error.name, message: error.message, stack_trace: error.stack ?? '', frames: frames.reverse()},
    context: {component, node: hostname()},
    occurred_at_unix_ns: String(BigInt(Date.now()) * 1_000_000n),
    source: 'client/node',
  };
}

function report(error) {
  const deadline = new Date(Date.now() + 10_000);
  return new Promise((resolve, reject) => {
    faults.Report({fault: faultOf(error)}, new grpc.Metadata({waitForReady: true}), {deadline}, (refusal, response) =>
      refusal ? reject(refusal) : resolve(response.receipt),
    );
  });
}

try {
  throw new RangeError(message);
} catch (error) {
  const receipt = await report(error);
  console.log(receipt.error_id);
}
faults.close();
