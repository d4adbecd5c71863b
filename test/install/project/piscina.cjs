const Piscina = require('capriccio/piscina');

const pool = new Piscina({ filename: require.resolve('./images.js'), name: 'area', minThreads: 1 });
pool.run([6, 7]).then((area) => { console.log(area); return pool.close(); });
