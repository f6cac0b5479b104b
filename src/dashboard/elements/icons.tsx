import type { ReactNode } from 'react';

/** Line drawings on a grid of 24, in the colour of the text around them. Decoration: what they stand beside says it in words. */
function icon(drawing: ReactNode) {
  return function Icon() {
    return (
      <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        {drawing}
      </svg>
    );
  };
}

export const BoardIcon = icon(<path d="M4 4h4.500v16H4zM9.750 4h4.500v11h-4.500zM15.500 4H20v7h-4.500z" />);
export const AgentIcon = icon(<path d="M6 9h12v10H6zM12 9V5m0 0h.01M9.500 13.500v1m5-1v1M3 13v3m18-3v3" />);
export const ThreadIcon = icon(<path d="M4 5h16v11H9.500L5 20v-4H4z" />);
export const PlanIcon = icon(<path d="M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01" />);
export const DecisionIcon = icon(<path d="M12 3v18M12 6h6l2.500 2.500L18 11h-6M12 12H6l-2.500 2.500L6 17h6" />);
export const OrchestratorIcon = icon(
  <path d="M12 8.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM5.500 20.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Zm13 0a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM12 8.500V12m0 0-5 3.800M12 12l5 3.800" />,
);
export const JobIcon = icon(<path d="M4 5h16v14H4zM7.500 9.500 10 12l-2.500 2.500M12.500 15H16" />);
export const ActivityIcon = icon(<path d="M4 19V5m0 14h16M8 16v-4m4 4V8m4 8v-6" />);
export const SchemaIcon = icon(<path d="M8 4c-3 0-1 7-4 8 3 1 1 8 4 8M16 4c3 0 1 7 4 8-3 1-1 8-4 8" />);
export const PlayIcon = icon(<path d="M7 5.500v13l11-6.500z" />);
export const BookIcon = icon(<path d="M5 4.500h9a3 3 0 0 1 3 3v12H8a3 3 0 0 1-3-3zm0 12a3 3 0 0 1 3-3h9M20 6v13.500h-3" />);
export const MoveIcon = icon(<path d="M4 12h15m0 0-5-5m5 5-5 5" />);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6 6 18" />);
export const MoreIcon = icon(<path d="M4 7h16M4 12h16M4 17h16" />);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const SearchIcon = icon(<path d="M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13Zm5-1.500L20 20" />);
export const SunIcon = icon(
  <path d="M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v1.500M12 19.500V21M3 12h1.500M19.500 12H21M5.600 5.600l1.100 1.100M17.300 17.300l1.100 1.100M18.400 5.600l-1.100 1.100M6.700 17.300l-1.100 1.100" />,
);
export const MoonIcon = icon(<path d="M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10Z" />);
export const AlertIcon = icon(<path d="M12 4 2.500 20h19zM12 10v4.500m0 2.500h.01" />);
export const ChevronIcon = icon(<path d="m9 6 6 6-6 6" />);
export const LeaveIcon = icon(<path d="M14 5H5v14h9M10 12h10m0 0-3.500-3.500M20 12l-3.500 3.500" />);

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" className="logo-ground" />
      <path d="M8.500 23.500 21 11" className="logo-baton" />
      <path d="M19 25h6M22.500 20.500H25" className="logo-speed" />
    </svg>
  );
}
