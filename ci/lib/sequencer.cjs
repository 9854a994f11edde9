const path = require('node:path');
const { default: Sequencer } = require('@jest/test-sequencer');

/** Runs test files in the order of CI_ORDER, one path a line: what a change affects comes first. */
module.exports = class extends Sequencer {
  sort(tests) {
    const order = (process.env.CI_ORDER ?? '').split('\n');
    const place = ({ path: file, context }) => {
      const name = path.relative(context.config.rootDir, file).split(path.sep).join('/');
      const index = order.indexOf(name);
      return index === -1 ? order.length : index;
    };
    return [...tests].sort((a, b) => place(a) - place(b));
  }
};
