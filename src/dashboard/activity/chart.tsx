import { type PointerEvent, useId, useState } from 'react';
import './chart.css';

export interface Series {
  name: string;
  /** One for each span; null where there is nothing to say. */
  values: readonly (number | null)[];
  shape: 'bars' | 'line' | 'area';
  tone: 'green' | 'red' | 'amber' | 'accent' | 'gray';
}

export interface ChartProps {
  title: string;
  /** What the figures are, in a sentence. */
  about: string;
  /** Ends of the spans, in milliseconds since the epoch, oldest first. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  /** What is said instead when there is nothing but zeros. */
  nothing: string;
}

const [width, height] = [520, 180];
const margin = { left: 44, right: 8, top: 10, bottom: 22 };
const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };

/** Figures over time, drawn, with the same as a table for those who would rather read. */
export function Chart({ title, about, times, series, format, nothing }: ChartProps) {
  const [focused, setFocused] = useState<number | null>(null);
  const titleId = useId();
  const spanWidth = inner.width / Math.max(1, times.length);
  const top = niceTop(Math.max(0, ...stackedTops(series, times.length)));
  const x = (index: number) => margin.left + (index + 0.5) * spanWidth;
  const y = (value: number) => margin.top + inner.height * (1 - value / top);
  const isEmpty = series.every(({ values }) => values.every((value) => !value));
  const focus = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.floor((((event.clientX - box.left) / box.width) * width - margin.left) / spanWidth);
    setFocused(index >= 0 && index < times.length ? index : null);
  };
  return (
    <section className="panel chart" aria-labelledby={titleId}>
      <header>
        <h2 id={titleId}>{title}</h2>
        <ul className="list chart-legend">
          {series.map(({ name, tone }) => (
            <li key={name} className={`chart-${tone}`}>
              {name}
            </li>
          ))}
        </ul>
      </header>
      <div className="chart-body">
        <svg
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`${title}. ${about} The table below has the figures.`}
          onPointerMove={focus}
          onPointerLeave={() => setFocused(null)}
        >
          {[0, 0.5, 1].map((share) => (
            <g key={share} className="chart-grid">
              <path d={`M${margin.left} ${y(top * share)}H${width - margin.right}`} />
              <text x={margin.left - 6} y={y(top * share) + 4}>
                {format(top * share)}
              </text>
            </g>
          ))}
          {timeMarks(times).map((index) => (
            <text key={index} className="chart-time" x={x(index)} y={height - 5}>
              {timeWord(times[index] ?? 0, times)}
            </text>
          ))}
          {series.map((each, at) => (
            <Shape key={each.name} series={each} below={series.slice(0, at)} x={x} y={y} spanWidth={spanWidth} />
          ))}
          {focused !== null && <path className="chart-focus" d={`M${x(focused)} ${margin.top}V${height - margin.bottom}`} />}
        </svg>
        {isEmpty && <p className="chart-nothing">{nothing}</p>}
        {focused !== null && !isEmpty && (
          <div
            className={`chart-tip ${focused > times.length / 2 ? 'chart-tip-left' : ''}`}
            style={{ insetInlineStart: `${(x(focused) / width) * 100}%` }}
          >
            <strong>until {new Date(times[focused] ?? 0).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}</strong>
            {series.map(({ name, values, tone }) => (
              <span key={name} className={`chart-${tone}`}>
                {name} <b>{values[focused] === null || values[focused] === undefined ? '–' : format(values[focused])}</b>
              </span>
            ))}
          </div>
        )}
      </div>
      <details className="chart-table">
        <summary>As a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard. */}
        <section className="chart-figures" tabIndex={0} aria-labelledby={titleId}>
          <table>
            <thead>
              <tr>
                <th scope="col">Until</th>
                {series.map(({ name }) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((time, index) => (
                <tr key={time}>
                  <th scope="row">{new Date(time).toLocaleString()}</th>
                  {series.map(({ name, values }) => (
                    <td key={name}>{values[index] === null || values[index] === undefined ? '–' : format(values[index])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </section>
  );
}

interface ShapeProps {
  series: Series;
  /** The series drawn before: bars stand upon theirs. */
  below: readonly Series[];
  x: (index: number) => number;
  y: (value: number) => number;
  spanWidth: number;
}

function Shape({ series: { values, shape, tone }, below, x, y, spanWidth }: ShapeProps) {
  if (shape === 'bars') {
    const barWidth = Math.max(2, spanWidth - 2);
    const stand = (index: number) =>
      below.filter((each) => each.shape === 'bars').reduce((sum, each) => sum + (each.values[index] ?? 0), 0);
    return (
      <g className={`chart-bars chart-${tone}`}>
        {values.map((value, index) => {
          if (!value) return null;
          const from = stand(index);
          return (
            <rect
              key={x(index)}
              x={x(index) - barWidth / 2}
              y={y(from + value)}
              width={barWidth}
              height={y(from) - y(from + value)}
              rx="1.5"
            />
          );
        })}
      </g>
    );
  }
  // A gap in the figures is a gap in the line.
  const runs: { index: number; value: number }[][] = [[]];
  for (const [index, value] of values.entries()) {
    if (value === null) runs.push([]);
    else runs.at(-1)?.push({ index, value });
  }
  const drawn = runs.filter((run) => run.length > 0);
  const line = (run: { index: number; value: number }[]) =>
    run.map(({ index, value }, at) => `${at ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  return (
    <g className={`chart-${shape} chart-${tone}`}>
      {drawn.map((run) => {
        const [first, last] = [run[0]?.index ?? 0, run.at(-1)?.index ?? 0];
        return (
          <g key={first}>
            {shape === 'area' && <path className="chart-fill" d={`${line(run)}L${x(last)} ${y(0)}L${x(first)} ${y(0)}Z`} />}
            {run.length === 1 ? (
              <circle cx={x(first)} cy={y(run[0]?.value ?? 0)} r="2.500" />
            ) : (
              <path className="chart-line-path" d={line(run)} />
            )}
          </g>
        );
      })}
    </g>
  );
}

function stackedTops(series: readonly Series[], count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const bars = series.filter(({ shape }) => shape === 'bars').reduce((sum, { values }) => sum + (values[index] ?? 0), 0);
    const others = series.filter(({ shape }) => shape !== 'bars').map(({ values }) => values[index] ?? 0);
    return Math.max(bars, ...others, 0);
  });
}

/** A round number at or above the value, of which the half is round as well. */
function niceTop(value: number): number {
  if (value <= 2) return 2;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 4, 6, 8, 10].find((each) => each * magnitude >= value) ?? 10;
  return factor * magnitude;
}

/** Spans whose time is written below: about five, evenly. */
function timeMarks(times: readonly number[]): number[] {
  const step = Math.max(1, Math.ceil(times.length / 5));
  return times.flatMap((_, index) => ((times.length - 1 - index) % step === Math.floor(step / 2) ? [index] : []));
}

function timeWord(time: number, times: readonly number[]): string {
  const isLong = (times.at(-1) ?? 0) - (times[0] ?? 0) > 36 * 3_600_000;
  const date = new Date(time);
  return isLong
    ? date.toLocaleDateString([], { day: 'numeric', month: 'short' })
    : date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
