// The table of a cohort: a heading sorts, name and lights filter. Cells without a number go last.
(function () {
  'use strict';
  const body = document.querySelector('#studies tbody');
  const rows = Array.from(body.rows);
  const headings = Array.from(document.querySelectorAll('#studies th'));
  const name = document.getElementById('name');
  const far = document.getElementById('far');
  const lights = Array.from(document.querySelectorAll('.wanted'));

  function compare(a, b, column, sign) {
    const [x, y] = [a, b].map((row) => row.cells[column].dataset.value);
    if (x === '' || y === '') return (x === '') - (y === '');
    const [m, n] = [Number(x), Number(y)];
    const numbers = !Number.isNaN(m) && !Number.isNaN(n);
    return sign * (numbers ? m - n : x.localeCompare(y, undefined, { numeric: true }));
  }

  headings.forEach((heading, column) => {
    heading.querySelector('button').addEventListener('click', () => {
      const up = heading.getAttribute('aria-sort') !== 'ascending';
      headings.forEach((other) => other.setAttribute('aria-sort', 'none'));
      heading.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      rows.sort((a, b) => compare(a, b, column, up ? 1 : -1));
      body.append(...rows);
    });
  });

  function filter() {
    const wanted = new Set(lights.filter((box) => box.checked).map((box) => box.value));
    const text = name.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const kept = row.dataset.name.toLowerCase().includes(text) && wanted.has(row.dataset.light) &&
        (!far.checked || row.dataset.far === 'yes');
      row.hidden = !kept;
      shown += kept;
    }
    document.getElementById('shown').textContent = shown + ' of ' + rows.length + ' shown';
  }

  [name, far, ...lights].forEach((box) => box.addEventListener('input', filter));
  filter();
})();
