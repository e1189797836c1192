// A shop that breaks: of what it would have with any Sentry, only the DSN is another.  shop.mjs DSN HOW
import {createRequire} from 'node:module';
// The package is not beside this file: ES modules take no NODE_PATH, require does.
const Sentry = createRequire(import.meta.url)('@sentry/node');

const [dsn, how] = process.argv.slice(2);
Sentry.init({dsn, environment: 'production', release: 'shop-js@2.0'});

function readStock() {
  return JSON.parse('{rubbish');
}

if (how === 'captured') {
  try {
    readStock();
  } catch (error) {
    Sentry.captureException(error, {tags: {region: 'eu'}});
  }
  await Sentry.flush(10_000);
} else {
  readStock();
}
