// Starts the package as its image does: it listens at once, and answers when it is ready.
// The argument is the package's folder; ADDRESS is where it listens, in place of 127.0.0.1; PORT, NC_… and DATABASE_URL are
// NocoDB's own.
const Module = require('module');

// The native part of sqlite3 is fetched or built by an install script. On PostgreSQL it is loaded and never called.
const load = Module._load;
Module._load = (name, ...rest) => (name === 'sqlite3' ? { verbose: () => ({}) } : load(name, ...rest));

const root = process.argv[2];
const express = require(require.resolve('express', { paths: [root] }));
const { Noco } = require(root);

const app = express();
const server = app.listen(Number(process.env.PORT), process.env.ADDRESS || '127.0.0.1');
Noco.init({}, server, app).then(
  (handler) => app.use(handler),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
