import { TaskCountsDocument } from '../sdk/generated.js';
import { backlog, type Course } from './backlog.js';
import type { Company, Setting } from './play.js';

/** Counts what came of it all, as the server answers it and the watcher heard it, and tells whether it is as promised. */
export async function summarize(setting: Setting, company: Company): Promise<void> {
  const { stage, findings, operator } = setting;
  const { agents, project, watcher } = company;
  const { taskCounts } = await operator.request(TaskCountsDocument, { filter: { projectId: project.id } });
  const counts = new Map(taskCounts.filter(({ count }) => count > 0).map(({ status, count }) => [status, count]));
  expectAllFinished(setting, company, counts);

  stage.act('Summary');
  stage.entry('tasks', [...counts].map(([status, count]) => `${count} ${status}`).join(', '));
  stage.entry('claims', `${watcher.eventsOf('TaskClaimed').length}`);
  stage.entry('heartbeats of tasks', `${agents.reduce((sum, { heartbeats }) => sum + heartbeats, 0)}`);
  stage.entry('leases that lapsed', `${watcher.eventsOf('TaskLeaseExpired').length}`);
  stage.entry('stale writes refused', `${agents.reduce((sum, { staleWritesRefused }) => sum + staleWritesRefused, 0)}`);
  stage.entry('events heard', `${watcher.events.length}`);
  for (const { id, name, profile } of agents) {
    const finished = watcher.eventsOf('TaskCompleted').filter(({ formerHolder }) => formerHolder?.id === id);
    stage.entry(`done by ${name}`, `${String(finished.length).padStart(2)}   ${profile.specializations.join(', ')}`);
  }

  stage.act('As promised?');
  findings.tellOn(stage);
}

function expectAllFinished({ findings }: Setting, { reviewer, watcher }: Company, counts: ReadonlyMap<string, number>): void {
  const planned = (course: Course) => backlog.filter((work) => work.course === course).length;
  const [failed, canceled] = [planned('failed'), planned('parked')];
  findings.expect(
    `all ${backlog.length} tasks came to an end: ${failed} meant to fail, ${canceled} canceled, the others DONE`,
    counts.get('FAILED') === failed &&
      counts.get('CANCELED') === canceled &&
      counts.get('DONE') === backlog.length - failed - canceled,
  );

  const approved = watcher.eventsOf('TaskCompleted').filter(({ actor }) => actor?.id === reviewer.id);
  findings.expect(`${approved.length} tasks went through review`, approved.length === planned('review'));

  const statusChanges = watcher.eventsOf('TaskStatusChanged');
  const [blocked, unblocked] = (['BLOCKED', 'READY'] as const).map(
    (status) => statusChanges.filter(({ taskStatus }) => taskStatus === status).length,
  );
  findings.expect(
    `${blocked} tasks were blocked, and ${unblocked} unblocked`,
    blocked === planned('blocked') && unblocked === blocked,
  );
}
