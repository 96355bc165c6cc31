"""The page of a report: its structure, its looks and the script of its player."""

from __future__ import annotations

# For string.Template. Nothing in it may come from the network: the file must open anywhere.
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>$style</style></head>
<body><main>
<header><div><h1>$title</h1><p class="sub">$subtitle</p></div>
<div class="verdict">$verdict<p class="notice">Research use only</p></div></header>
$warnings
<section><h2>Motion</h2>
<div class="controls"><button id="play" type="button">Pause</button>
<input id="frame" type="range" min="0" max="$last" value="$es" aria-label="frame">
<output id="where"></output>
<label$contours_hidden><input type="checkbox" id="contours" checked> contours</label>
<label><input type="checkbox" id="paths" checked> paths from end-diastole</label></div>
<div class="players" style="--n:$columns">$players</div>
<p class="note">$player_note</p></section>
$curves
$bullseyes
<section><h2>Quality</h2>$lights<p class="note">$lights_note</p></section>
<section><h2>Numbers</h2>$numbers<p class="note">$numbers_note</p></section>
<section class="flags"><h2>What the flags mean</h2>$flags</section>
<footer><h2>Software and files</h2>$provenance</footer>
</main><script type="application/json" id="data">$data</script><script>$script</script>
</body></html>
"""

STYLE = """
:root{--ink:#1b2733;--soft:#5d6b78;--line:#d9e0e6;--panel:#fff;--ground:#f2f5f7}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1280px;margin:0 auto;padding:20px 24px 40px}
header{display:flex;justify-content:space-between;align-items:flex-start;gap:24px;
margin-bottom:14px}
h1{font-size:25px;margin:0}h2{font-size:17px;margin:0 0 10px}
.sub,.note{color:var(--soft);margin:4px 0 0;font-size:13.5px}
.note{margin-top:10px;max-width:120ch}
.verdict{text-align:right;white-space:nowrap}
.notice{margin:8px 0 0;font-weight:700;color:#8c1d18;text-transform:uppercase;
letter-spacing:.05em;font-size:13px}
section,footer{background:var(--panel);border:1px solid var(--line);border-radius:8px;
padding:16px 18px;margin-bottom:14px}
.warnings{border-left:6px solid #f0a818}.warnings ul{margin:0;padding-left:20px}
.light{display:inline-block;color:#fff;border-radius:999px;padding:1px 11px;font-size:13px;
font-weight:600;text-shadow:0 1px 1px rgba(0,0,0,.35)}
.controls{display:flex;align-items:center;gap:14px;margin-bottom:12px;flex-wrap:wrap}
.controls button{font:inherit;padding:4px 18px;border:1px solid #0b5fa5;border-radius:6px;
background:#0b5fa5;color:#fff;cursor:pointer;min-width:84px}
.controls input[type=range]{flex:1 1 260px}
#where{min-width:21ch;font-variant-numeric:tabular-nums}
.players{display:grid;grid-template-columns:repeat(var(--n),minmax(0,1fr));gap:12px}
figure{margin:0}figcaption{font-weight:600;margin-bottom:4px;display:flex;
justify-content:space-between}
canvas{width:100%;aspect-ratio:1;background:#000;border-radius:4px;display:block}
.charts{display:grid;grid-template-columns:1fr 1fr;gap:10px 22px}
svg{max-width:100%;height:auto}svg.chart,svg.lights{width:100%}
svg text{font-size:12px;fill:var(--ink);font-family:inherit}
svg .title{font-weight:600;font-size:13px}svg .small{font-size:10.5px;fill:var(--soft)}
svg .grid{stroke:#e4e9ed}svg .axis{stroke:#8996a1}svg .mark{stroke:#5d6b78;stroke-dasharray:4 3}
svg .cursor{stroke:#c62828;stroke-width:1.2;visibility:hidden}
svg .sign{fill:#fff;font-weight:700}
svg .value{font-size:14px;font-weight:600}svg .number{font-size:9px}
.legend{margin:6px 0 0;font-size:13px;display:flex;gap:18px;flex-wrap:wrap}
.bulls{display:flex;justify-content:space-evenly;gap:30px;flex-wrap:wrap}
svg.bullseye{width:370px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
th{color:var(--soft);font-weight:600}th:nth-child(-n+2),td:nth-child(-n+2){text-align:left;white-space:nowrap}
tr.mean td{font-weight:700;border-top:2px solid #8996a1}
tr.failed td{color:#9a9a9a;text-decoration:line-through}
tr.failed td:nth-child(-n+2){text-decoration:none}
dl{margin:0;display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;font-size:13.5px}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
code{font-size:12px}
@media screen and (max-width:800px){.charts{grid-template-columns:1fr}.players{--n:1!important}}
@media print{@page{size:A4;margin:12mm}
body{background:#fff;font-size:11px}main{max-width:none;padding:0}
section,footer{border:0;border-top:1px solid var(--line);border-radius:0;padding:8px 0;margin:0;
break-inside:avoid}
.warnings{border-left:4px solid #f0a818;padding-left:10px}
.controls button,.controls input,.controls label{display:none}
svg .cursor{display:none}
svg.bullseye{width:215px}svg text{font-size:15px}svg .title{font-size:16px}
svg .small{font-size:13px}svg.lights text{font-size:19px}svg.bullseye text{font-size:12px}
svg.bullseye .value{font-size:14px}svg.bullseye .number{font-size:9px}
table{font-size:9.5px}th,td{padding:2px 4px}
dl,.note,.sub,.legend,code,.notice{font-size:9.5px}.light{font-size:9px;padding:0 7px}
h1{font-size:19px}h2{font-size:13px;margin-bottom:5px}
.light,svg rect,svg path,canvas{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

SCRIPT = """
(function(){
'use strict';
var data=JSON.parse(document.getElementById('data').textContent);
var players=data.slices.map(function(s,i){
  var canvas=document.getElementById('player'+i),side=Math.max(512,s.size);
  canvas.width=canvas.height=side;
  return {s:s,c:canvas.getContext('2d'),side:side,images:s.frames.map(function(url){
    var image=new Image();image.onload=show;image.src=url;return image;})};
});
var slider=document.getElementById('frame'),where=document.getElementById('where');
var button=document.getElementById('play'),playing=true,timer=null;
var colors=['#39d5ff','#ffd23e'];
function line(c,p,k,close){
  c.beginPath();
  for(var i=0;i<p.length;i+=2){if(i){c.lineTo(p[i]*k,p[i+1]*k);}else{c.moveTo(p[0]*k,p[1]*k);}}
  if(close){c.closePath();}c.stroke();
}
function show(){
  var t=Number(slider.value);
  players.forEach(function(p){
    var c=p.c,k=p.side/p.s.size,image=p.images[t];
    if(!image.complete){return;}
    c.imageSmoothingEnabled=true;c.imageSmoothingQuality='high';
    c.drawImage(image,0,0,p.side,p.side);
    if(document.getElementById('paths').checked){
      var from=p.s.paths[data.ed],to=p.s.paths[t];
      c.strokeStyle='#ff6f4e';c.fillStyle='#ff6f4e';c.lineWidth=1.6;
      for(var i=0;i<to.length;i+=2){
        c.beginPath();c.moveTo(from[i]*k,from[i+1]*k);c.lineTo(to[i]*k,to[i+1]*k);c.stroke();
        c.beginPath();c.arc(to[i]*k,to[i+1]*k,2.3,0,7);c.fill();
      }
    }
    if(document.getElementById('contours').checked){
      p.s.contours.forEach(function(frames,n){
        c.strokeStyle=colors[n%2];c.lineWidth=2.2;line(c,frames[t],k,true);});
    }
  });
  var text='frame '+t+' of '+data.frames;
  if(data.times){text+=', '+Math.round(data.times[t])+' ms';}
  if(t===data.ed){text+=', end-diastole';}
  if(t===data.es){text+=', end-systole';}
  where.textContent=text;
  document.querySelectorAll('svg.chart').forEach(function(svg){
    var x=svg.getAttribute('data-x').split(',')[t],cursor=svg.querySelector('.cursor');
    cursor.setAttribute('x1',x);cursor.setAttribute('x2',x);cursor.style.visibility='visible';
  });
}
function step(){slider.value=(Number(slider.value)+1)%data.frames;show();}
function play(on){
  playing=on;clearInterval(timer);button.textContent=on?'Pause':'Play';
  if(on){timer=setInterval(step,data.interval);}
}
button.addEventListener('click',function(){play(!playing);});
slider.addEventListener('input',function(){play(false);show();});
['contours','paths'].forEach(function(id){
  document.getElementById(id).addEventListener('change',show);});
document.addEventListener('keydown',function(event){
  if(event.target!==document.body){return;}
  if(event.key===' '){event.preventDefault();play(!playing);}
  if(event.key==='ArrowRight'){play(false);step();}
  if(event.key==='ArrowLeft'){play(false);slider.value=(Number(slider.value)+data.frames-1)%data.frames;show();}
});
window.addEventListener('beforeprint',function(){play(false);slider.value=data.es;show();});
play(!window.matchMedia('(prefers-reduced-motion: reduce)').matches);show();
})();
"""
