import { type ControlPlane, highestOf, lowestOf } from '../../domain/control-plane.ts';
import { Version } from './version.tsx';

type Plane = Pick<ControlPlane, 'version' | 'highest'>;

/** `17.4.2`, or `17.4.1 to 17.4.2` where its parts run different versions. */
export function PlaneVersion({ plane, linked = false }: { plane: Plane | undefined; linked?: boolean }) {
  if (!plane) return <span class="muted">not reported</span>;
  const [lowest, highest] = [lowestOf(plane), highestOf(plane)];
  return (
    <>
      <Version version={lowest} linked={linked} />
      {lowest !== highest && (
        <>
          {' to '}
          <Version version={highest} linked={linked} />
        </>
      )}
    </>
  );
}
