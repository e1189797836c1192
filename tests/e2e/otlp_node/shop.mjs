// An application with OpenTelemetry's SDK for JavaScript, as its own pages set it up: shop.mjs logs|traces COUNT
// Where it exports to is said by OTEL_EXPORTER_OTLP_ENDPOINT; the exporters *-otlp-http speak JSON.
import {createRequire} from 'node:module';
// The packages are not beside this file: ES modules take no NODE_PATH, require does.
const require = createRequire(import.meta.url);
const {resourceFromAttributes} = require('@opentelemetry/resources');
const resource = resourceFromAttributes({'service.name': 'shop', 'service.namespace': 'web', 'host.name': 'node-7', 'deployment.environment.name': 'test'});

const [signal, count] = process.argv.slice(2);
// Each number is another error.
const sell = (number) => Object.assign(new TypeError(`the stock does not answer: ${number}`), number ? {name: `TypeError${String.fromCharCode(65 + number)}`} : {});

async function logs() {
  const {LoggerProvider, BatchLogRecordProcessor} = require('@opentelemetry/sdk-logs');
  const {OTLPLogExporter} = require('@opentelemetry/exporter-logs-otlp-http');
  const {SeverityNumber} = require('@opentelemetry/api-logs');
  const processor = new BatchLogRecordProcessor({exporter: new OTLPLogExporter()});
  const provider = new LoggerProvider({resource, processors: [processor]});
  const logger = provider.getLogger('shop.checkout');
  logger.emit({severityNumber: SeverityNumber.INFO, body: 'nothing is wrong yet'});
  for (let number = 0; number < count; number++) {
    const error = sell(number);
    logger.emit({
      severityNumber: SeverityNumber.ERROR,
      severityText: 'ERROR',
      body: 'checkout failed',
      attributes: {'exception.type': error.name, 'exception.message': error.message, 'exception.stacktrace': error.stack},
    });
  }
  await provider.shutdown();
}

async function traces() {
  const {NodeTracerProvider, BatchSpanProcessor} = require('@opentelemetry/sdk-trace-node');
  const {OTLPTraceExporter} = require('@opentelemetry/exporter-trace-otlp-http');
  const provider = new NodeTracerProvider({resource, spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())]});
  const tracer = provider.getTracer('shop');
  tracer.startSpan('look').end();
  for (let number = 0; number < count; number++) {
    const span = tracer.startSpan('checkout');
    const error = sell(number);
    span.recordException(error);
    span.setStatus({code: 2, message: error.message});
    span.end();
  }
  await provider.shutdown();
}

await {logs, traces}[signal]();
