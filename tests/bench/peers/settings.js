// Node-RED as the benchmark runs it: without its editor.
module.exports = {
  uiHost: '127.0.0.1',
  uiPort: process.env.PORT,
  flowFile: 'flows.json',
  credentialSecret: false,
  httpAdminRoot: false,
  apiMaxLength: '16mb',
  logging: { console: { level: 'warn' } },
  telemetry: { enabled: false },
};
