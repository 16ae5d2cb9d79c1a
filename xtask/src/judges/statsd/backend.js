// A backend of statsd that appends what it knows at each flush, as a line of JSON, to the file that the configuration
// names.
'use strict';
const fs = require('fs');

exports.init = function (startupTime, config, events) {
  events.on('flush', function (timestamp, metrics) {
    const known = { counters: metrics.counters, gauges: metrics.gauges, timers: {} };
    for (const name of Object.keys(metrics.timers)) {
      known.timers[name] = { values: metrics.timers[name], count: metrics.timer_counters[name] };
    }
    fs.appendFileSync(config.appendTo, JSON.stringify(known) + '\n');
  });
  return true;
};
