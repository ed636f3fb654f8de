import { installPrograms } from './packages.ts';

export default installPrograms;
