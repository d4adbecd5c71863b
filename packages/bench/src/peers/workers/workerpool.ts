import workerpool from 'workerpool';
import * as functions from '../functions.ts';

workerpool.worker({ ...functions });
