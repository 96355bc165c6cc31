// The moving pictures: frames with tracked contours and paths, a slider, keys, and the line that
// shows the frame in the charts. Data: see player_slices in player.py and _player_data in page.py.
(function () {
  'use strict';
  const LEAST_SIDE = 512; // pixels of a canvas
  const PATH_COLOR = '#ff6f4e';
  const CONTOUR_COLORS = ['#39d5ff', '#ffd23e']; // endocardium, epicardium

  // A number that is not known is null in JSON. As NaN it is drawn nowhere, as null in the corner.
  const known = (key, value) => (value === null ? NaN : value);
  const data = JSON.parse(document.getElementById('data').textContent, known);
  const slider = document.getElementById('frame');
  const where = document.getElementById('where');
  const button = document.getElementById('play');
  const boxes = ['contours', 'paths'].map((id) => document.getElementById(id));
  let playing = true;
  let timer = null;

  const players = data.slices.map((slice, index) => {
    const canvas = document.getElementById('player' + index);
    const side = Math.max(LEAST_SIDE, slice.size);
    canvas.width = canvas.height = side;
    const images = slice.frames.map((url) => {
      const image = new Image();
      image.onload = show;
      image.src = url;
      return image;
    });
    return { slice, side, images, context: canvas.getContext('2d') };
  });

  function drawPaths(context, from, to, scale) {
    context.strokeStyle = context.fillStyle = PATH_COLOR;
    context.lineWidth = 1.6;
    for (let i = 0; i < to.length; i += 2) {
      context.beginPath();
      context.moveTo(from[i] * scale, from[i + 1] * scale);
      context.lineTo(to[i] * scale, to[i + 1] * scale);
      context.stroke();
      context.beginPath();
      context.arc(to[i] * scale, to[i + 1] * scale, 2.3, 0, 7);
      context.fill();
    }
  }

  function drawContour(context, points, scale, color) {
    context.strokeStyle = color;
    context.lineWidth = 2.2;
    context.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      context.lineTo(points[i] * scale, points[i + 1] * scale);
    }
    context.closePath();
    context.stroke();
  }

  function drawSlice(player, frame) {
    const { slice, side, images, context } = player;
    if (!images[frame].complete) {
      return;
    }
    const scale = side / slice.size;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(images[frame], 0, 0, side, side);
    const [contours, paths] = boxes;
    if (paths.checked) {
      drawPaths(context, slice.paths[data.ed], slice.paths[frame], scale);
    }
    if (contours.checked) {
      slice.contours.forEach((frames, index) => {
        drawContour(context, frames[frame], scale, CONTOUR_COLORS[index % 2]);
      });
    }
  }

  function describe(frame) {
    let text = 'frame ' + frame + ' of ' + data.frames;
    if (data.times) {
      text += ', ' + Math.round(data.times[frame]) + ' ms';
    }
    if (frame === data.ed) {
      text += ', end-diastole';
    }
    if (frame === data.es) {
      text += ', end-systole';
    }
    return text;
  }

  function show() {
    const frame = Number(slider.value);
    players.forEach((player) => drawSlice(player, frame));
    where.textContent = describe(frame);
    document.querySelectorAll('svg.chart').forEach((chart) => {
      const x = chart.getAttribute('data-x').split(',')[frame];
      const cursor = chart.querySelector('.cursor');
      cursor.setAttribute('x1', x);
      cursor.setAttribute('x2', x);
      cursor.style.visibility = 'visible';
    });
  }

  function step(frames) {
    slider.value = (Number(slider.value) + data.frames + frames) % data.frames;
    show();
  }

  function play(on) {
    playing = on;
    clearInterval(timer);
    button.textContent = on ? 'Pause' : 'Play';
    if (on) {
      timer = setInterval(() => step(1), data.interval);
    }
  }

  button.addEventListener('click', () => play(!playing));
  slider.addEventListener('input', () => {
    play(false);
    show();
  });
  boxes.forEach((box) => box.addEventListener('change', show));
  document.addEventListener('keydown', (event) => {
    if (event.target === slider) {
      return;
    }
    const control = event.target.closest('button, input, a, summary');
    if (event.key === ' ' && !control) {
      event.preventDefault();
      play(!playing);
    }
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      play(false);
      step(event.key === 'ArrowRight' ? 1 : -1);
    }
  });
  window.addEventListener('beforeprint', () => {
    play(false);
    slider.value = data.es;
    show();
  });
  play(!window.matchMedia('(prefers-reduced-motion: reduce)').matches);
  show();
})();
