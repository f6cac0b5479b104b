import { ProjectNamesDocument } from '../generated.js';
import { type LiveList, useLiveList } from '../live/use-live-list.js';

/** The projects that one can choose from. */
export function useProjectNames(): LiveList<{ id: string; name: string }> {
  return useLiveList(
    ProjectNamesDocument,
    {},
    ({ projects }) => projects,
    ({ kind }) => ['PROJECT_CREATED', 'PROJECT_UPDATED', 'PROJECT_DELETED'].includes(kind),
  );
}
