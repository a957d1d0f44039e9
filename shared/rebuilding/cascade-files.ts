/** Files of the steps of a cascade for its maps, in the run bucket. */
export const cascadeFileKeys = (cascadeId: string) => {
  const root = `runs/${cascadeId}`;
  const waves = `${root}/wave-`;
  return {
    /** The key prefix of all waves. */
    waves,
    /** `[{cascadeId, stream}]`: the nodes of a wave that have not ended. */
    wave: (wave: number) => `${waves}${wave}.json`,
    /** `[{cascadeId, service}]`. */
    services: `${root}/services.json`,
  };
};
