// What pages do beyond links and forms: live tables and charts, the theme, the key for the search. Everything works without.
'use strict';

(() => {
  const root = document.documentElement;

  // ---- Theme: the system's, until somebody chooses.

  const THEME = 'millrace-theme';

  function remembered() {
    try {
      return localStorage.getItem(THEME);
    } catch (blocked) {
      return null;
    }
  }

  function isDark() {
    const chosen = root.dataset.theme;
    return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  }

  function setUpTheme() {
    const button = document.getElementById('theme');
    const name = () => { button.textContent = isDark() ? 'Light' : 'Dark'; };
    button.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      try {
        localStorage.setItem(THEME, root.dataset.theme);
      } catch (blocked) {
        // Then it holds for this page.
      }
      name();
      document.dispatchEvent(new Event('themechange'));
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      name();
      document.dispatchEvent(new Event('themechange'));
    });
    name();
    button.hidden = false;
  }

  // ---- Keys: a slash goes to the search, as long as nobody is writing.

  function setUpKeys() {
    document.addEventListener('keydown', event => {
      const writing = event.target.closest('input, select, textarea, [contenteditable]');
      if (event.key === '/' && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        document.getElementById('find').focus();
      }
    });
  }

  // ---- Times: the local one on request.

  function setUpTimes(within) {
    for (const time of within.querySelectorAll('time[datetime]:not([datetime=""])')) {
      time.title = new Date(time.dateTime).toLocaleString();
    }
  }

  // ---- Charts.

  const MINUTES = 10;
  const LEAST_MINUTES = 2;
  const AGAIN_SECONDS = 10;
  const COLOURS = ['#2a7fb8', '#d1663a', '#3c9a5f', '#9a5fc0', '#b8902a', '#c0407a', '#4aa3a3', '#7a7f87', '#5f6fd0'];
  let points = [];
  let charts = [];

  function queueNames() {
    return [...new Set(points.flatMap(point => Object.keys(point.queues)))].sort();
  }

  function columns(names, line) {
    return [points.map(point => point.at), ...names.map(name => points.map(point => point.queues[name]?.[line] ?? null))];
  }

  function clock(at, end) {
    return at ? new Date(at * 1000).toISOString().slice(11, end) : '--';
  }

  function draw(names) {
    const style = getComputedStyle(document.querySelector('.chart'));
    const ink = style.color;
    const grid = { stroke: style.borderTopColor, width: 1 };
    charts.forEach(chart => chart.plot.destroy());
    charts = [...document.querySelectorAll('.chart')].map(box => {
      const line = Number(box.dataset.line);
      const plot = new uPlot({
        width: box.clientWidth || 300,
        height: 200,
        series: [{ label: 'UTC', value: (self, at) => clock(at, 19) }, ...names.map((name, i) => ({ label: name, stroke: COLOURS[i % COLOURS.length], width: 2, points: { show: points.length < 3 } }))],
        axes: [{ stroke: ink, grid, ticks: grid, values: (self, moments) => moments.map(at => clock(at, 16)) }, { stroke: ink, grid, ticks: grid, size: 44 }],
        scales: {
          // The first points are not stretched over the whole chart.
          x: { range: (self, first, last) => (last ? [Math.min(first, last - LEAST_MINUTES * 60), last] : [0, 1]) },
          y: { range: (self, low, high) => [0, Math.max(1, high ?? 0)] },
        },
      }, columns(names, line), box);
      return { plot, line, box };
    });
  }

  function setUpLive() {
    const section = document.getElementById('charts');
    if (!section || !window.EventSource || !window.uPlot) {
      return;
    }
    section.hidden = false;
    const status = document.getElementById('stream-status');
    const tables = document.getElementById('tables');
    let drawn = '';
    const redraw = () => {
      const names = queueNames();
      // Until there is a line to draw, a point is drawn as one.
      const shape = names.join('\n') + '\n' + Math.min(points.length, 3);
      if (shape !== drawn) {
        drawn = shape;
        draw(names);
      } else {
        charts.forEach(chart => chart.plot.setData(columns(names, chart.line)));
      }
    };
    const showTables = event => {
      // Made by the server, which shows as text whatever comes from jobs. Not while a link in it has the focus.
      if (!tables.contains(document.activeElement)) {
        tables.innerHTML = event.data;
        setUpTimes(tables);
      }
    };
    const showPoints = event => {
      const last = points.length ? points[points.length - 1].at : 0;
      points.push(...JSON.parse(event.data).filter(point => point.at > last));
      // By the server's time: the clock of this machine may be another.
      const oldest = (points.length ? points[points.length - 1].at : 0) - MINUTES * 60;
      points = points.filter(point => point.at >= oldest);
      redraw();
    };
    let stream;
    let again;
    const connect = () => {
      stream = new EventSource(section.dataset.stream);
      stream.addEventListener('open', () => { status.textContent = ''; });
      stream.addEventListener('error', () => {
        status.textContent = 'The connection is lost; trying again…';
        // The browser tries by itself where a connection breaks, and gives up for good where it is refused.
        if (stream.readyState === EventSource.CLOSED) {
          clearTimeout(again);
          again = setTimeout(connect, AGAIN_SECONDS * 1000);
        }
      });
      stream.addEventListener('tables', showTables);
      stream.addEventListener('points', showPoints);
    };
    connect();
    document.addEventListener('themechange', () => { drawn = ''; redraw(); });
    addEventListener('resize', () => charts.forEach(({ plot, box }) => plot.setSize({ width: box.clientWidth, height: 200 })));
    addEventListener('pagehide', () => {
      clearTimeout(again);
      stream.close();
    });
    addEventListener('pageshow', event => {
      if (event.persisted) {
        connect();
      }
    });
  }

  // ---- What runs: its part of the page is fetched anew until it is over.

  async function refresh(part, seconds) {
    try {
      const answer = await fetch(location.pathname, { credentials: 'same-origin' });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.getElementById(part.id);
      if (fresh && !fresh.dataset.refresh) {
        // It is over, and so are the buttons around it.
        location.replace(location.pathname);
        return;
      }
      if (fresh) {
        part.innerHTML = fresh.innerHTML;
        setUpTimes(part);
      }
    } catch (unreachable) {
      // The next time.
    }
    setTimeout(() => refresh(part, seconds), seconds * 1000);
  }

  function setUpRefresh() {
    for (const part of document.querySelectorAll('[data-refresh]')) {
      const seconds = Number(part.dataset.refresh);
      setTimeout(() => refresh(part, seconds), seconds * 1000);
    }
  }

  const theme = remembered();
  if (theme === 'dark' || theme === 'light') {
    root.dataset.theme = theme;
  }
  setUpTheme();
  setUpKeys();
  setUpTimes(document);
  setUpLive();
  setUpRefresh();
})();
