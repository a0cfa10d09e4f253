// The shared types at the root of every document of the experiments.

/** By name, how to open each. */
export const ROOTS = {
  text: doc => doc.getText('text'),
  array: doc => doc.getArray('array'),
  map: doc => doc.getMap('map'),
  everything: doc => doc.getMap('everything'),
  xml: doc => doc.getXmlFragment('xml')
}

export const openRoots = doc => Object.fromEntries(Object.entries(ROOTS).map(([name, open]) => [name, open(doc)]))
