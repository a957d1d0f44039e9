/** What the steps of a cascade leave for its maps in the run bucket. */
export const cascadeFileKeys = (cascadeId: string) => {
  const root = `runs/${cascadeId}`;
  return {
    /** `[{cascadeId, stream}]`: the nodes of a wave that have not ended. */
    wave: (wave: number) => `${root}/wave-${wave}.json`,
    /** `[{cascadeId, service}]`. */
    services: `${root}/services.json`,
  };
};
